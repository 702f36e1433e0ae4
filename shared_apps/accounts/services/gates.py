"""Who may sign in by a right password: apps above may know better and refuse."""

from collections.abc import Callable

from kernel.registry import Registry

from shared_apps.accounts.models import User

PASSWORD_GATES: Registry[Callable[[User], None]] = Registry("password gate")
"""`check(user)`, called outside of a unit of work after the password was right; raises InvalidCredentials."""

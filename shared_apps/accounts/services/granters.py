"""What happens to a new user's role: the app that knows roles registers a function."""

from collections.abc import Callable

from kernel.registry import Registry

from shared_apps.accounts.models import User

ROLE_GRANTERS: Registry[Callable[[User, str], None]] = Registry("role granter")
"""`grant(user, role)`, inside the unit of work that creates the user."""

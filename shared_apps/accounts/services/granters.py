"""What the app that knows roles does when log-ins change: it registers functions."""

from collections.abc import Callable

from kernel.registry import Registry

from shared_apps.accounts.models import User

ROLE_GRANTERS: Registry[Callable[[User, str], None]] = Registry("role granter")
"""`grant(user, role)`, inside the unit of work that creates the user."""

SECOND_STEP_WATCHERS: Registry[Callable[[User], None]] = Registry("second step watcher")
"""`watch(user)`, inside the unit of work that has changed the user's second step."""

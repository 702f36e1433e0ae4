"""Asking whether somebody may do something: the app that knows roles answers."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from kernel.problems import NotAllowed

PermissionCheck = Callable[[Any, str], bool]
_checks: list[PermissionCheck] = []


def install_permission_check(check: PermissionCheck) -> None:
    """Called by the app that knows roles: `check(user, code) -> bool`, within the scope."""
    _checks[:] = [check]


def require(user: Any, code: str) -> None:  # Any: the user model of the project
    """Raises NotAllowed where the user lacks the permission."""
    if not _checks or not _checks[0](user, code):
        raise NotAllowed(_("This needs the permission %(code)s") % {"code": code})

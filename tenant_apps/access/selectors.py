"""Who may do what."""

from collections.abc import Callable
from typing import Any

from kernel import tenancy

from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.permissions import ROLE_PERMISSIONS

OPERATOR_PERMISSIONS = frozenset({"tenants.tenant.read", "tenants.tenant.write"})


def permissions_of(user: Any) -> frozenset[str]:  # Any: the user or an anonymous one
    """The codes a user holds in the scope; kept on the user object for the rest of the request."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    restrict: Callable[[frozenset[str]], frozenset[str]] | None = getattr(user, "restrict", None)  # of the API key that was sent
    held = unrestricted_permissions_of(user)
    return held if restrict is None else restrict(held)


def unrestricted_permissions_of(user: Any) -> frozenset[str]:  # Any: the user
    """The codes an active user holds by roles, whatever key was sent: what a new key without limits could do."""
    if tenancy.current_scope().tenant is None:
        return OPERATOR_PERMISSIONS
    held: frozenset[str] | None = getattr(user, "_held_permissions", None)
    if held is None:
        roles = RoleAssignment.objects.filter(user_id=user.pk).values_list("role", flat=True)
        held = frozenset().union(*(ROLE_PERMISSIONS.get(role, frozenset()) for role in roles))
        user._held_permissions = held
    return held


def has_permission(user: Any, code: str) -> bool:  # Any: the user or an anonymous one
    """Whether the user holds the permission in the tenant in scope."""
    return code in permissions_of(user)

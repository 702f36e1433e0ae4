"""Who may do what."""

import copy
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from kernel import tenancy
from kernel.api.pagination import Order, Page, keyset_page
from kernel.clock import now
from kernel.registry import Registry
from shared_apps.accounts.models import Invitation, User

from tenant_apps.access.models import CustomRole, InvitationScope, RoleAssignment
from tenant_apps.access.reach import Reach, access_of, unrestricted_access_of
from tenant_apps.access.scopes import SCOPES, Scope

BY_NAME: Final = Order(("name", "id"), is_descending=False)
OPERATOR_PERMISSIONS: Final = frozenset({"tenants.tenant.read", "tenants.tenant.write", "audit.entry.read", "audit.entry.export"})
NARROWINGS: Registry[Callable[[Any, str], Q]] = Registry("narrowing")
"""`condition(viewer, code)` for a model (`app.model`) whose rows a viewer without reach everywhere sees in part."""


class AnyViewer:
    """Stands for all viewers where one rendering serves many; who gets it is decided elsewhere. Sees everything, and nothing is its own."""

    pk = 0
    is_authenticated = False
    is_active = False


def permissions_of(user: Any) -> frozenset[str]:  # Any: the user or an anonymous one
    """The codes a user holds somewhere in the scope, as far as the API key that was sent lets them."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if tenancy.current_scope().tenant is not None:
        return access_of(user).codes
    restrict: Callable[[frozenset[str]], frozenset[str]] | None = getattr(user, "restrict", None)
    return OPERATOR_PERMISSIONS if restrict is None else restrict(OPERATOR_PERMISSIONS)


def unrestricted_permissions_of(user: Any) -> frozenset[str]:  # Any: the user
    """The codes an active user holds by roles, whatever key was sent: what a new key without limits could do."""
    if tenancy.current_scope().tenant is None:
        return OPERATOR_PERMISSIONS
    return unrestricted_access_of(user).codes


def has_permission(user: Any, code: str) -> bool:  # Any: the user or an anonymous one
    """Whether the user holds the permission somewhere in the tenant in scope; how far it goes is for `reach_of`."""
    return code in permissions_of(user)


def reach_of(viewer: Any, code: str) -> Reach:  # Any: the user, an anonymous one, or AnyViewer
    """Where the viewer holds the permission."""
    return Reach(is_everywhere=True) if isinstance(viewer, AnyViewer) else access_of(viewer).reach(code)


def narrowing(model: str, viewer: Any, code: str) -> Q:  # Any: as above
    """The condition that leaves the rows of `model` a viewer may see; nothing where no app says how."""
    if reach_of(viewer, code).is_everywhere:
        return Q()
    narrow = NARROWINGS.find(model)
    return narrow(viewer, code) if narrow else Q(pk__in=[])


def by_roles(viewer: Any) -> Any:  # Any: the user, an anonymous one, or AnyViewer
    """The same viewer without the limits of the API key that was sent: for what is decided by roles alone."""
    if getattr(viewer, "restrict", None) is None:
        return viewer
    found = copy.copy(viewer)
    found.restrict = None
    return found


def custom_role(key: str) -> CustomRole | None:
    """One of the tenant's own roles."""
    return CustomRole.objects.filter(key=key).first()


def members() -> "QuerySet[User]":
    """Everyone who is or was a member, with their roles."""
    return User.objects.prefetch_related("role_assignments").order_by("name", "id")


def member(public_id: uuid.UUID) -> User | None:
    """One member."""
    return members().filter(public_id=public_id).first()


def member_page(*, search: str = "", cursor: str = "", limit: int = 25) -> Page:
    """A page of members' keys, by name; service accounts are listed with the API keys."""
    rows = User.objects.filter(is_service=False)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(email__icontains=search))
    return keyset_page(rows.values("id", "name"), order=BY_NAME, cursor=cursor, limit=limit)


def holders_by_role() -> dict[str, int]:
    """How many active members hold each role somewhere."""
    rows = RoleAssignment.objects.filter(user__is_active=True).order_by().values("role").annotate(number=Count("user_id", distinct=True))
    return dict(rows.values_list("role", "number"))


def open_invitations() -> "QuerySet[Invitation]":
    """Invitations whose links still work, newest first."""
    return Invitation.objects.filter(used_at=None, expires_at__gt=now()).order_by("-created_at", "-id")


def scopes_of_invitations(invitations: Iterable[Invitation]) -> dict[int, tuple[str, Scope]]:
    """The scopes of these that have one, by the invitation's key: one query for each kind."""
    rows = list(InvitationScope.objects.filter(invitation__in=[invitation.pk for invitation in invitations]))
    found: dict[int, tuple[str, Scope]] = {}
    for kind in {row.scope_kind for row in rows}:
        scopes = SCOPES.get(kind).named({row.scope_id for row in rows if row.scope_kind == kind})
        found |= {row.pk: (kind, scopes[row.scope_id]) for row in rows if row.scope_kind == kind and row.scope_id in scopes}
    return found

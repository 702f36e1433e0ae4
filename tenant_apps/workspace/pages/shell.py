"""What surrounds every page of the workspace: tenant, person, navigation, the open list."""

from typing import Any

from django.http import HttpRequest
from kernel import tenancy
from shared_apps.accounts.models import User
from shared_apps.accounts.site import Site
from ui.faces import face

from tenant_apps.access.selectors import has_permission
from tenant_apps.workspace.presenters.rows import ViewChoice, counts_context, list_context, view_choice


def frame(user: User) -> dict[str, Any]:  # Any: template context
    """Tenant, person, and what of the settings the person may see."""
    tenant = tenancy.current_tenant()
    return {
        "tenant": tenant,
        "tenant_face": face(tenant.name, tenant.id),
        "me": face(user.name, user.public_id),
        "may_manage_members": has_permission(user, "access.member.manage"),
        "may_manage_roles": has_permission(user, "access.role.manage"),
        "may_manage_teams": has_permission(user, "organization.team.manage"),
        "may_see_intake": has_permission(user, "intake.event.manage"),
        "may_see_keys": has_permission(user, "access.apikey.manage"),
        "may_see_sso": has_permission(user, "access.sign_in.manage"),
        "may_see_audit": has_permission(user, "audit.entry.read"),
        "may_see_isolation": has_permission(user, "access.isolation.read"),
    }


SITE = Site(base="workspace/settings/base.html", frame=frame, home="/inbox/", security="/me/security/")


def chosen_list(request: HttpRequest, view: str = "", segment: str = "") -> ViewChoice:
    """The list an address names, in its path or, beside a ticket, in its query."""
    return view_choice(view or request.GET.get("v", "my"), segment or request.GET.get("s", "open"))


def list_with_counts(user: User, choice: ViewChoice, cursor: str = "") -> dict[str, Any]:  # Any: template context
    """The list and the numbers around it."""
    return {**counts_context(user, choice), **list_context(user, choice, cursor)}


def member(request: HttpRequest) -> User:
    """The signed-in user; `Page` has turned everyone else away."""
    if not isinstance(request.user, User):
        raise TypeError("Only pages that require a sign-in ask this")
    return request.user

"""Inviting members: nobody invites to more than they hold."""

import re

from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import Invitation, User

from tenant_apps.access.models import InvitationScope
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.scopes import SCOPES, Scope
from tenant_apps.access.services.assignments import access_of_now, bump_access_version, check_may_grant, definition_of, give

MOST_OPEN = 200
_ADDRESS = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"']+")


@unit_of_work
def invite_member(*, by: User, email: str, role: str, scope_kind: str = "", scope: Scope | None = None, name: str = "") -> Invitation:
    """Invites somebody by mail; the link works once, for seven days. An open invitation of the address is ended: the last one counts.

    Raises MayNotGrant as for giving the role, ValidationProblem for an address that is none, is a member's, or an unknown role or scope.
    """
    bump_access_version()
    email = email.strip().lower()
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise ValidationProblem([FieldError("/email", "invalid", _("This is no e-mail address"))])
    if scope_kind and scope is None:
        raise ValidationProblem([FieldError("/scope_id", "unknown", _("There is nothing with this id"))])
    check_may_grant(access_of_now(by), definition_of(role), scope_kind)
    if User.objects.filter(email__iexact=email).exists():
        raise ValidationProblem([FieldError("/email", "taken", _("This address belongs to a member already"))])
    if Invitation.objects.filter(used_at=None, expires_at__gt=now()).count() >= MOST_OPEN:
        raise ValidationProblem([FieldError("/email", "too-many", _("Too many invitations are open"))])
    for open_one in Invitation.objects.filter(email=email, used_at=None, expires_at__gt=now()):
        _end(open_one)
    invitation = accounts.invite(email=email, role=role, name=name)
    if scope is not None:
        InvitationScope.objects.create(invitation=invitation, scope_kind=scope_kind, scope_id=scope.id)
    return invitation


@unit_of_work
def renew_invitation(*, by: User, invitation: Invitation) -> Invitation:
    """Sends a new link for seven days more; the old link ends. Raises what `invite_member` raises."""
    held = InvitationScope.objects.filter(invitation=invitation).first()
    scope = SCOPES.get(held.scope_kind).named([held.scope_id]).get(held.scope_id) if held else None
    kind = held.scope_kind if held else ""
    return invite_member(by=by, email=invitation.email, role=invitation.role, scope_kind=kind, scope=scope, name=invitation.name)


@unit_of_work
def withdraw_invitation(*, by: User, invitation: Invitation) -> None:
    """Ends an open invitation: its link stops working at once. Raises MayNotGrant where `by` could not have invited to its role."""
    known = role_definitions().get(invitation.role)
    if known is not None:
        kind = InvitationScope.objects.filter(invitation=invitation).values_list("scope_kind", flat=True).first()
        check_may_grant(access_of_now(by), known, kind or "")
    _end(invitation)


def _end(invitation: Invitation) -> None:
    if not Invitation.objects.filter(pk=invitation.pk, used_at=None, expires_at__gt=now()).update(expires_at=now(), next_send_at=now()):
        return
    changes = {"email": [invitation.email, None]}
    record_audit(action="invitation.withdraw", object_type="invitation", object_id=invitation.public_id, changes=changes)


@unit_of_work
def grant_invited_role(user: User, role: str) -> None:
    """Called as the invitation is accepted: gives its role, in its scope where it names one that still exists."""
    held = InvitationScope.objects.filter(invitation__email=user.email, invitation__role=role, invitation__used_at=None).last()
    bump_access_version()
    if held is None:
        give(user, role, "", None)
        return
    scope = SCOPES.get(held.scope_kind).named([held.scope_id]).get(held.scope_id)
    if scope is not None:
        give(user, role, held.scope_kind, scope)

"""Who holds which role, and where. Every change takes the lock of the access version first."""

from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.errors import LastOwner, MayNotGrant
from tenant_apps.access.events import RoleAssigned, RoleWithdrawn
from tenant_apps.access.models import AccessVersion, RoleAssignment, SystemRole
from tenant_apps.access.permissions import RoleDefinition
from tenant_apps.access.reach import Access, access_of, codes_in, role_definitions
from tenant_apps.access.scopes import SCOPES, Scope


@unit_of_work
def bump_access_version() -> None:
    """Lets every process and socket look again at what members hold. Whoever calls it first in a unit of work goes first."""
    AccessVersion.objects.get_or_create(pk=1)
    AccessVersion.objects.filter(pk=1).update(number=F("number") + 1)


@unit_of_work
def grant_role(*, user: User, role: str) -> None:
    """Gives a user a role for the whole tenant on the system's own account; a second time changes nothing."""
    bump_access_version()
    give(user, role, "", None)


@unit_of_work
def assign_role(*, by: User, user: User, role: str, scope_kind: str = "", scope: Scope | None = None) -> RoleAssignment:
    """Gives a role, for the whole tenant or in `scope`; what is held already stays as it is.

    Raises MayNotGrant where the role holds more than `by` holds for the whole tenant, ValidationProblem for an unknown role or scope.
    """
    bump_access_version()
    if scope_kind and (scope is None or SCOPES.find(scope_kind) is None):
        raise ValidationProblem([FieldError("/scope_id", "unknown", _("There is nothing with this id"))])
    if not user.is_active or user.role_assignments.count() >= 200:
        raise ValidationProblem([FieldError("/user", "invalid", _("This member cannot get another role"))])
    check_may_grant(access_of_now(by), definition_of(role), scope_kind)
    return give(user, role, scope_kind, scope)


@unit_of_work
def withdraw_role(*, by: User, assignment: RoleAssignment) -> None:
    """Takes a role. Raises MayNotGrant as for giving it, LastOwner where nobody would be left who owns the tenant."""
    bump_access_version()
    row = RoleAssignment.objects.filter(pk=assignment.pk).select_related("user").first()
    if row is None:
        return
    known = role_definitions().get(row.role)
    if known is not None:
        check_may_grant(access_of_now(by), known, row.scope_kind)
    if row.role == SystemRole.OWNER and not row.scope_kind:
        check_not_last_owner(row.user)
    take(row)


@unit_of_work
def withdraw_all_in_scope(*, scope_kind: str, scope_id: int) -> None:
    """Takes every role that was given for a scope which is about to be deleted."""
    bump_access_version()
    for row in RoleAssignment.objects.filter(scope_kind=scope_kind, scope_id=scope_id).select_related("user"):
        take(row)


def definition_of(role: str) -> RoleDefinition:
    """The role with this key. Raises ValidationProblem."""
    definition = role_definitions().get(role)
    if definition is None:
        raise ValidationProblem([FieldError("/role", "unknown", _("There is no such role"))])
    return definition


def check_may_grant(giver: Access, role: RoleDefinition, scope_kind: str) -> None:
    """Raises MayNotGrant: nobody gives or takes what they lack, and owners are made and unmade by owners."""
    is_owner = any(grant.role == SystemRole.OWNER and not grant.scope_kind for grant in giver.grants)
    if role.key == SystemRole.OWNER and not is_owner:
        raise MayNotGrant
    lacking = codes_in(role, scope_kind) - giver.tenant_codes
    if lacking:
        raise MayNotGrant(missing=sorted(lacking))


def check_not_last_owner(user: User) -> None:
    """Raises LastOwner where no other active user owns the tenant. The access version is locked by the caller."""
    others = RoleAssignment.objects.filter(role=SystemRole.OWNER, scope_kind="", user__is_active=True).exclude(user=user)
    if not others.exists():
        raise LastOwner


def take(row: RoleAssignment) -> None:
    """Removes one assignment, with event and audit entry; in the caller's unit of work."""
    record(RoleWithdrawn(aggregate_id=row.user.public_id, role=row.role, scope_kind=row.scope_kind))
    record_audit(
        action="role.withdraw",
        object_type="user",
        object_id=row.user.public_id,
        changes={"role": [_described(row.role, row.scope_kind, row.scope_id), None]},
    )
    row.delete()


def access_of_now(user: User) -> Access:
    """What the giver holds after the lock was taken, whatever the request remembered."""
    fresh: Any = User.objects.get(pk=user.pk)  # the user, and what the API key that was sent leaves of their rights
    fresh.restrict = getattr(user, "restrict", None)
    return access_of(fresh)


def give(user: User, role: str, scope_kind: str, scope: Scope | None) -> RoleAssignment:
    """Adds one assignment, with event and audit entry; in the caller's unit of work. What is held already stays as it is."""
    scope_id = scope.id if scope else 0
    row, created = RoleAssignment.objects.get_or_create(user=user, role=role, scope_kind=scope_kind, scope_id=scope_id)
    if created:
        record(RoleAssigned(aggregate_id=user.public_id, role=role, scope_kind=scope_kind))
        record_audit(
            action="role.grant",
            object_type="user",
            object_id=user.public_id,
            changes={"role": [None, _described(role, scope_kind, scope_id)]},
        )
    return row


def _described(role: str, scope_kind: str, scope_id: int) -> str:
    if not scope_kind:
        return role
    scope = SCOPES.get(scope_kind).named([scope_id]).get(scope_id)
    return f"{role} @ {scope_kind}:{scope.public_id if scope else scope_id}"

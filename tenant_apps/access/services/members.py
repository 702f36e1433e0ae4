"""Members: ending their access and handing on their open work."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from kernel.registry import Registry
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User

from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.services.assignments import access_of_now, bump_access_version, check_may_grant, check_not_last_owner, take

LEAVERS: Registry[Callable[[User, User | None], int]] = Registry("leaver")
"""`hand_on(leaver, successor)`, in the unit of work that ends the leaver's access; returns how many pieces of open work changed hands."""


@unit_of_work
def deactivate_member(*, by: User, user: User, successor: User | None) -> int:
    """Ends a member's access at once and hands their open work to `successor`, or to nobody. Returns how many pieces that were.

    Raises LastOwner, MayNotGrant where the member holds more than `by`, ValidationProblem for a successor who is no active colleague.
    """
    bump_access_version()
    if successor is not None and (successor.pk == user.pk or not successor.is_active):
        raise ValidationProblem([FieldError("/reassign_to", "invalid", _("Choose another active member"))])
    rows = list(RoleAssignment.objects.filter(user=user).select_related("user"))
    roles, giver = role_definitions(), access_of_now(by)
    for row in rows:
        if row.role in roles:
            check_may_grant(giver, roles[row.role], row.scope_kind)
    if any(row.role == "owner" and not row.scope_kind for row in rows):
        check_not_last_owner(user)
    handed_on = sum(hand_on(user, successor) for hand_on in LEAVERS.all().values())
    for row in rows:
        take(row)
    accounts.deactivate_user(user=user)
    record_audit(
        action="member.deactivate",
        object_type="user",
        object_id=user.public_id,
        changes={"open_work": [handed_on, 0], "successor": [None, str(successor.public_id) if successor else None]},
    )
    return handed_on


@unit_of_work
def reset_member_second_step(*, by: User, user: User) -> None:
    """Lets a member who lost the device sign in by the password alone. Raises MayNotGrant where the member holds more than `by`,
    SecondStepMissing."""
    roles, giver = role_definitions(), access_of_now(by)
    for row in RoleAssignment.objects.filter(user=user):
        if row.role in roles:
            check_may_grant(giver, roles[row.role], row.scope_kind)
    accounts.reset_second_step(user=user)

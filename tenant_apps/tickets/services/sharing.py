"""Sharing a single ticket with a colleague whose roles do not reach it."""

from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.services import bump_access_version
from tenant_apps.tickets.events import TicketShared, TicketUnshared
from tenant_apps.tickets.models import Ticket, TicketUserObjectPermission
from tenant_apps.tickets.reach import CHANGE_SHARE, VIEW_SHARE, share_id

LEVELS = {"view": VIEW_SHARE, "work": CHANGE_SHARE}


@unit_of_work
def share_ticket(*, ticket: Ticket, user: User, level: str) -> None:
    """Lets a colleague see the ticket (`view`), or also change and answer it as far as their roles let them anywhere (`work`).

    A second call changes the level. Raises ValidationProblem.
    """
    if level not in LEVELS:
        raise ValidationProblem([FieldError("/level", "unknown", _("There is no such level"))])
    if not user.is_active:
        raise ValidationProblem([FieldError("/user", "unknown", _("There is nothing with this id"))])
    bump_access_version()
    wanted = share_id(LEVELS[level])
    held = TicketUserObjectPermission.objects.filter(content_object=ticket, user=user)
    before = set(held.values_list("permission_id", flat=True))
    if before == {wanted}:
        return
    held.exclude(permission_id=wanted).delete()
    TicketUserObjectPermission.objects.get_or_create(content_object=ticket, user=user, permission_id=wanted)
    record(TicketShared(aggregate_id=ticket.public_id, user_id=user.public_id, level=level))
    changes = {"user": [None, str(user.public_id)], "level": [None, level]}
    record_audit(action="ticket.share", object_type="ticket", object_id=ticket.public_id, changes=changes)


@unit_of_work
def unshare_ticket(*, ticket: Ticket, user: User) -> None:
    """Takes a share back; nothing happens where there is none."""
    bump_access_version()
    deleted, _rows = TicketUserObjectPermission.objects.filter(content_object=ticket, user=user).delete()
    if not deleted:
        return
    record(TicketUnshared(aggregate_id=ticket.public_id, user_id=user.public_id))
    record_audit(action="ticket.unshare", object_type="ticket", object_id=ticket.public_id, changes={"user": [str(user.public_id), None]})

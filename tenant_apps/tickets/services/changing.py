"""Changing tickets: fields under a version check, solving, reopening."""

import dataclasses
from typing import Any

from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, StaleVersion, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.organization.models import Team
from tenant_apps.tickets.errors import TicketAlreadySolved, TicketClosed, TicketNotSolved, TransitionNotAllowed
from tenant_apps.tickets.events import TicketReopened, TicketSolved, TicketUpdated
from tenant_apps.tickets.models import Priority, Status, StatusCategory, Ticket
from tenant_apps.tickets.services.creating import default_status
from tenant_apps.tickets.services.tags import set_tags


class Unchanged:
    """Marks a field that a change leaves alone, since None means `nobody`."""


UNCHANGED = Unchanged()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TicketChanges:
    """What to change; everything left out stays. Tags are deltas."""

    subject: str | Unchanged = UNCHANGED
    status: Status | Unchanged = UNCHANGED
    priority: str | Unchanged = UNCHANGED
    assignee: User | Unchanged | None = UNCHANGED
    team: Team | Unchanged | None = UNCHANGED
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


@unit_of_work
def update_ticket(*, ticket: Ticket, changes: TicketChanges, expected_version: int | None = None) -> Ticket:
    """Applies the changes under the ticket's row lock and returns the fresh ticket.

    Raises StaleVersion (with `version`) when `expected_version` is not the present one, TicketClosed, TransitionNotAllowed,
    ValidationProblem. A change to what is there already writes nothing.
    """
    current = _lock(ticket, expected_version)
    before = _state(current)
    _apply(current, changes)
    added, removed = set_tags(current, add=changes.add_tags, remove=changes.remove_tags)
    difference: dict[str, Any] = {key: [before[key], value] for key, value in _state(current).items() if value != before[key]}
    if added or removed:
        difference["tags"] = [removed, added]
    if difference:
        _save(current)
        record(TicketUpdated(aggregate_id=current.public_id, changes=difference))
        record_audit(action="ticket.update", object_type="ticket", object_id=current.public_id, changes=difference)
        if current.category == StatusCategory.SOLVED and before["category"] != StatusCategory.SOLVED:
            record(TicketSolved(aggregate_id=current.public_id))
        elif before["category"] == StatusCategory.SOLVED and current.category != StatusCategory.SOLVED:
            record(TicketReopened(aggregate_id=current.public_id, reason="agent"))
    return current


@unit_of_work
def solve_ticket(*, ticket: Ticket, expected_version: int | None = None) -> Ticket:
    """Moves the ticket to the default solved status. Raises TicketAlreadySolved, TicketClosed, StaleVersion."""
    current = _lock(ticket, expected_version)
    if current.category == StatusCategory.SOLVED:
        raise TicketAlreadySolved(ticket_id=str(current.public_id))
    return update_ticket(ticket=current, changes=TicketChanges(status=default_status(StatusCategory.SOLVED)))


@unit_of_work
def reopen_ticket(*, ticket: Ticket, expected_version: int | None = None) -> Ticket:
    """Moves a solved ticket to the default open status. Raises TicketNotSolved, TicketClosed, StaleVersion."""
    current = _lock(ticket, expected_version)
    if current.category != StatusCategory.SOLVED:
        raise TicketNotSolved(ticket_id=str(current.public_id))
    return update_ticket(ticket=current, changes=TicketChanges(status=default_status(StatusCategory.OPEN)))


def move_to(ticket: Ticket, status: Status) -> None:
    """Sets the status and what follows from its category, on a locked ticket that the caller saves.

    Solving stamps the time and stops the wait; leaving `solved` counts a reopening; nothing re-enters `new` or leaves `closed`.
    """
    if status.pk == ticket.status_id:
        return
    if ticket.category == StatusCategory.CLOSED:
        raise TicketClosed
    if status.category == StatusCategory.NEW and ticket.category != StatusCategory.NEW:
        raise TransitionNotAllowed(_("A ticket cannot become new again"))
    moment = now()
    if status.category in {StatusCategory.SOLVED, StatusCategory.CLOSED}:
        ticket.waiting_since = None
        ticket.solved_at = ticket.solved_at or moment
        ticket.closed_at = moment if status.category == StatusCategory.CLOSED else None
    elif ticket.category == StatusCategory.SOLVED:
        ticket.reopen_count += 1
        ticket.solved_at = None
    ticket.status, ticket.category = status, status.category


def _lock(ticket: Ticket, expected_version: int | None) -> Ticket:
    current = Ticket.objects.select_for_update(of=("self",)).select_related("status", "assignee", "team", "requester").get(pk=ticket.pk)
    if expected_version is not None and current.version != expected_version:
        raise StaleVersion(_("The ticket was changed by someone else"), version=current.version)
    if current.category == StatusCategory.CLOSED:
        raise TicketClosed
    return current


def _apply(ticket: Ticket, changes: TicketChanges) -> None:
    if not isinstance(changes.subject, Unchanged):
        subject = " ".join(changes.subject.split())
        if not subject or len(subject) > 500:
            raise ValidationProblem([FieldError("/subject", "invalid", _("A subject has 1 to 500 characters"))])
        ticket.subject = subject
    if not isinstance(changes.priority, Unchanged):
        if changes.priority not in Priority.values:
            raise ValidationProblem([FieldError("/priority", "unknown", _("This priority does not exist"))])
        ticket.priority = changes.priority
    if not isinstance(changes.assignee, Unchanged):
        ticket.assignee = changes.assignee
    if not isinstance(changes.team, Unchanged):
        _set_team(ticket, changes.team, keep_assignee=not isinstance(changes.assignee, Unchanged))
    if not isinstance(changes.status, Unchanged):
        move_to(ticket, changes.status)


def _set_team(ticket: Ticket, team: Team | None, *, keep_assignee: bool) -> None:
    """A new team clears an assignee who is not in it, unless the same change names the assignee."""
    ticket.team = team
    if team is None or keep_assignee or ticket.assignee_id is None:
        return
    if not team.memberships.filter(user_id=ticket.assignee_id).exists():
        ticket.assignee = None


def _save(ticket: Ticket) -> None:
    ticket.version += 1
    ticket.updated_at = now()
    ticket.save()


def _state(ticket: Ticket) -> dict[str, Any]:  # Any: JSON
    return {
        "subject": ticket.subject,
        "status": ticket.status.key,
        "category": str(ticket.category),
        "priority": str(ticket.priority),
        "assignee": str(ticket.assignee.public_id) if ticket.assignee else None,
        "team": str(ticket.team.public_id) if ticket.team else None,
    }

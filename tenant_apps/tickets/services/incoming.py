"""What an incoming message does to tickets: the reopen decision table."""

import datetime

from kernel.clock import now
from kernel.uow import record, record_audit, unit_of_work

from tenant_apps.messaging.models import Conversation, Direction, Message, MessageKind
from tenant_apps.tickets.events import TicketReopened, TicketTouched
from tenant_apps.tickets.models import StatusCategory, Ticket, TicketConversation
from tenant_apps.tickets.services.changing import move_to
from tenant_apps.tickets.services.creating import NO_SUBJECT, create_ticket, default_status

REOPEN_WINDOW = datetime.timedelta(days=14)
SNIPPET = 200
_WAITING = {StatusCategory.WAITING_CUSTOMER, StatusCategory.WAITING_OTHER}


@unit_of_work
def route_incoming(*, message: Message) -> Ticket | None:
    """Finds or creates the ticket of an incoming message and moves its status. Returns None where machine mail starts nothing.

    | current ticket | a person's message | machine mail |
    |---|---|---|
    | none | new ticket | bulk and automatic mail: a ticket that waits for nobody; a bounce: none |
    | new, open | stays | stays |
    | waiting | open | stays |
    | solved, within the window | open again, keeps an active assignee | stays |
    | solved longer ago, or closed | new ticket that follows up | stays |

    A third party's message never reopens. The conversation's row lock makes two replies in one second reopen once.
    """
    conversation = (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("inbox__default_team", "contact")
        .get(pk=message.conversation_id)
    )
    link = TicketConversation.objects.filter(conversation=conversation, is_current=True).select_related("ticket").first()
    if link is None:
        return _first_ticket(conversation, message)
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("status", "assignee").get(pk=link.ticket_id)
    if message.kind == MessageKind.HUMAN and _needs_follow_up(ticket):
        ticket = _follow_up(conversation, message, ticket)
    elif message.kind == MessageKind.HUMAN and not message.is_third_party:
        _move_on(ticket)
    add_message(ticket, message)
    return ticket


def add_message(ticket: Ticket, message: Message) -> None:
    """Brings the ticket's list row up to date with a new public or internal message, and saves it."""
    ticket.last_message_at = now()
    ticket.snippet = snippet_of(message)
    if message.direction == Direction.IN and message.kind == MessageKind.HUMAN and ticket.category not in _ENDED:
        ticket.waiting_since = ticket.waiting_since or ticket.last_message_at
    ticket.updated_at = ticket.last_message_at
    ticket.version += 1
    ticket.save()
    record(TicketTouched(aggregate_id=ticket.public_id, message_id=message.public_id))


def snippet_of(message: Message) -> str:
    """The first line that a list shows of a message."""
    return " ".join(message.body_text.split())[:SNIPPET]


_ENDED = {StatusCategory.SOLVED, StatusCategory.CLOSED}


def _first_ticket(conversation: Conversation, message: Message) -> Ticket | None:
    if message.kind in {MessageKind.BOUNCE_HARD, MessageKind.BOUNCE_SOFT}:
        return None
    ticket = create_ticket(
        subject=message.subject or NO_SUBJECT,
        requester=conversation.contact,
        conversation=conversation,
        team=conversation.inbox.default_team,
        tags=[] if message.kind == MessageKind.HUMAN else [message.kind.replace("_", "-")],
    )
    add_message(ticket, message)
    return ticket


def _needs_follow_up(ticket: Ticket) -> bool:
    if ticket.category == StatusCategory.CLOSED:
        return True
    return ticket.category == StatusCategory.SOLVED and ticket.solved_at is not None and ticket.solved_at < now() - REOPEN_WINDOW


def _follow_up(conversation: Conversation, message: Message, previous: Ticket) -> Ticket:
    """A new ticket that copies team, priority and tags of the old one, but not its assignee."""
    return create_ticket(
        subject=message.subject or previous.subject,
        requester=previous.requester if not message.is_third_party else conversation.contact,
        conversation=conversation,
        priority=previous.priority,
        team=previous.team,
        tags=list(previous.tags.values_list("name", flat=True)),
        follow_up_of=previous,
    )


def _move_on(ticket: Ticket) -> None:
    was_solved = ticket.category == StatusCategory.SOLVED
    if not was_solved and ticket.category not in _WAITING:
        return
    before = ticket.status.key
    move_to(ticket, default_status(StatusCategory.OPEN))
    changes = {"status": [before, ticket.status.key]}
    record_audit(action="ticket.update", object_type="ticket", object_id=ticket.public_id, changes=changes)
    if ticket.assignee is not None and not ticket.assignee.is_active:
        ticket.assignee = None
    if was_solved:
        record(TicketReopened(aggregate_id=ticket.public_id, reason="message"))

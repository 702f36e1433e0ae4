"""What an agent's message does to the ticket of its conversation."""

from kernel.uow import record, record_audit

from tenant_apps.messaging.models import Conversation, Message, Visibility
from tenant_apps.messaging.services.followers import FOLLOWERS
from tenant_apps.tickets.errors import TicketClosed
from tenant_apps.tickets.events import TicketUpdated
from tenant_apps.tickets.models import StatusCategory, Ticket, TicketConversation
from tenant_apps.tickets.services.changing import move_to
from tenant_apps.tickets.services.creating import default_status
from tenant_apps.tickets.services.incoming import add_message


class TicketFollower:
    """A reply takes the ticket out of `new`, ends its wait and gives an unassigned one to its author; a note moves nothing."""

    def check_reply(self, conversation: Conversation) -> None:
        link = TicketConversation.objects.filter(conversation=conversation, is_current=True).select_related("ticket").first()
        if link is not None and link.ticket.category == StatusCategory.CLOSED:
            raise TicketClosed

    def written(self, message: Message) -> None:
        link = TicketConversation.objects.filter(conversation_id=message.conversation_id, is_current=True).first()
        if link is None:
            return
        ticket = Ticket.objects.select_for_update(of=("self",)).select_related("status", "assignee").get(pk=link.ticket_id)
        if message.visibility == Visibility.PUBLIC:
            _answered(ticket, message)
        add_message(ticket, message)


def _answered(ticket: Ticket, message: Message) -> None:
    ticket.waiting_since = None
    changes: dict[str, list[object]] = {}
    if ticket.category == StatusCategory.NEW:
        before = ticket.status.key
        move_to(ticket, default_status(StatusCategory.OPEN))
        changes["status"] = [before, ticket.status.key]
    if ticket.assignee_id is None and message.author_user is not None:
        ticket.assignee = message.author_user
        changes["assignee"] = [None, str(message.author_user.public_id)]
    if changes:
        record(TicketUpdated(aggregate_id=ticket.public_id, changes=changes))
        record_audit(action="ticket.update", object_type="ticket", object_id=ticket.public_id, changes=changes)


def register() -> None:
    """Called once when the apps are ready."""
    FOLLOWERS.register("tickets")(TicketFollower())

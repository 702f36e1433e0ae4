"""Creating tickets and giving them numbers."""

from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.db.routing import connection_in_scope
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.contacts.models import Contact
from tenant_apps.messaging.models import Conversation
from tenant_apps.organization.models import Team
from tenant_apps.tickets.events import TicketCreated
from tenant_apps.tickets.models import Priority, Status, StatusCategory, Ticket, TicketConversation
from tenant_apps.tickets.services.tags import set_tags

NO_SUBJECT = "(no subject)"


@unit_of_work
def create_ticket(
    *,
    subject: str,
    requester: Contact,
    conversation: Conversation | None = None,
    priority: str = Priority.NORMAL,
    assignee: User | None = None,
    team: Team | None = None,
    tags: list[str] | None = None,
    follow_up_of: Ticket | None = None,
) -> Ticket:
    """Creates a ticket in the default new status. Its number is taken with the insert; a rollback leaves a gap."""
    subject = " ".join(subject.split())[:500]
    if not subject:
        raise ValidationProblem([FieldError("/subject", "required", _("Give the ticket a subject"))])
    moment = now()
    status = default_status(StatusCategory.NEW)
    ticket = Ticket.objects.create(
        number=_next_number(),
        subject=subject,
        status=status,
        category=status.category,
        priority=priority,
        requester=requester,
        assignee=assignee,
        team=team,
        follow_up_of=follow_up_of,
        connector=conversation.inbox.connector if conversation else "",
        last_message_at=moment,
        created_at=moment,
        updated_at=moment,
    )
    if tags:
        set_tags(ticket, add=tags, remove=[])
    if conversation is not None:
        make_current(ticket, conversation)
    record(
        TicketCreated(aggregate_id=ticket.public_id, number=ticket.number, follow_up_of=follow_up_of.public_id if follow_up_of else None)
    )
    record_audit(action="ticket.create", object_type="ticket", object_id=ticket.public_id, changes={"number": [None, ticket.number]})
    return ticket


def make_current(ticket: Ticket, conversation: Conversation) -> None:
    """From now on messages of the conversation belong to this ticket."""
    TicketConversation.objects.filter(conversation=conversation, is_current=True).update(is_current=False)
    TicketConversation.objects.update_or_create(ticket=ticket, conversation=conversation, defaults={"is_current": True})


def default_status(category: str) -> Status:
    """The tenant's default status of a category."""
    return Status.objects.get(category=category, is_default=True)


def _next_number() -> int:
    with connection_in_scope().cursor() as cursor:
        cursor.execute(
            "INSERT INTO tickets_ticketnumber (id, last_number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET last_number = tickets_ticketnumber.last_number + 1 RETURNING last_number"
        )
        row = cursor.fetchone()
    return int(row[0])

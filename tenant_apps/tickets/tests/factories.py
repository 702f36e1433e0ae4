"""Things that ticket tests need."""

from kernel.clock import now

from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts import services as contacts
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import IncomingMessage
from tenant_apps.tickets import services


def mail_inbox() -> Inbox:
    """The inbox that every tenant has from the start."""
    return Inbox.objects.get(connector="email", address__startswith="support@")


def inbox(name: str) -> Inbox:
    """One more inbox, of the generic channel."""
    return Inbox.objects.create(connector="api", name=name, address=f"key-{name}")


def conversation(email: str = "bia@mail.example", subject: str = "Brake rubs", inbox: Inbox | None = None):
    contact = contacts.contact_for_email(email=email, name="Bia Prado")
    return messaging.start_conversation(inbox=inbox or mail_inbox(), contact=contact, subject=subject)


def incoming(thread, text: str = "It rubs since Saturday.", **fields):
    """A message of the conversation's contact, routed to its ticket. Returns (message, ticket)."""
    contact = fields.pop("contact", thread.contact)
    message = messaging.receive_message(
        conversation=thread,
        contact=contact,
        incoming=IncomingMessage(body_text=text, subject=fields.pop("subject", thread.subject), occurred_at=now(), **fields),
    )
    return message, services.route_incoming(message=message)


def ticket(**fields):
    """A ticket that began with a mail."""
    return incoming(conversation(**fields))[1]


def placed_ticket(*, assignee=None, team=None, **fields):
    """A ticket where its place matters."""
    found = ticket(**fields)
    return services.update_ticket(ticket=found, changes=services.TicketChanges(assignee=assignee, team=team))

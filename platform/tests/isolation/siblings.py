"""What a member of one team must not see: a ticket of another team in the same tenant, marked by itself."""

import secrets

from kernel.clock import now
from kernel.uow import unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from tenant_apps.access.models import RoleAssignment
from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts import services as contacts
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent, IncomingMessage
from tenant_apps.organization.models import Team
from tenant_apps.tickets import services as tickets
from tenant_apps.tickets.services import TicketChanges


@unit_of_work
def limited(mark: str, team: Team) -> User:
    """An agent in one team alone."""
    user = accounts.create_user(email=f"limited.{mark}@people.example", name=f"limited {mark}", password="canary-password")
    RoleAssignment.objects.create(user=user, role="agent", scope_kind="team", scope_id=team.pk)
    return user


def plant_hidden(agent: User, mark: str) -> tuple[str, dict[str, str]]:
    """A ticket of another team, with a contact, messages, a file and a tag of its own; its mark, and what it can be asked for by."""
    hidden, word = secrets.token_hex(16), secrets.token_hex(8)
    contact = contacts.contact_for_email(email=f"{word}.{mark}@hidden.example", name=f"Hidden {word} {hidden} {mark}")
    inbox = Inbox.objects.get(connector="email")
    conversation = messaging.start_conversation(inbox=inbox, contact=contact, subject=f"Hidden {word} {hidden} {mark}")
    incoming = IncomingMessage(body_text=f"Hidden {hidden} {mark}", subject=f"Hidden {hidden} {mark}", occurred_at=now())
    message = messaging.receive_message(conversation=conversation, contact=contact, incoming=incoming)
    ticket = tickets.route_incoming(message=message)
    file = FileContent(filename=f"{hidden} {mark}.txt", content_type="text/plain", content=f"Hidden {hidden} {mark}".encode())
    reply = messaging.send_reply(conversation=conversation, author=agent, body_text=f"Hidden {hidden} {mark}", attachments=[file])
    team = Team.objects.create(key=f"h{mark}", name=f"Depot {mark}")
    tickets.update_ticket(ticket=ticket, changes=TicketChanges(add_tags=(f"h {mark}",), team=team), expected_version=None)
    return hidden, {
        "ticket_id": str(ticket.public_id),
        "conversation_id": str(conversation.public_id),
        "contact_id": str(contact.public_id),
        "message_id": str(reply.public_id),
        "first_message_id": str(message.public_id),
        "attachment_id": str(reply.attachments.get().public_id),
        "word": word,
    }

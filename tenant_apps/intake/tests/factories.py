"""Things the tests of the intake need: inboxes, a running thread with an answer, signed hooks."""

import base64
import dataclasses
import datetime
import json
from typing import Any

from kernel import tenancy
from kernel.clock import now
from kernel.ids import new_id
from shared_apps.tenants import services as tenants
from standardwebhooks.webhooks import Webhook

from tenant_apps.connectors.mail import tokens
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.selectors import mail_keys
from tenant_apps.connectors.tests.mails import load
from tenant_apps.intake import services
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.services.accepting import mail_dedup_key
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.models import Conversation, Message
from tenant_apps.tickets.models import Ticket

FIRST_MAIL = (
    b"From: Mia Keller <mia@customer.example>\r\nTo: support@acme.localhost\r\nMessage-ID: <first@customer.example>\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0100\r\nSubject: Broken spoke on my bike\r\n\r\nMy bike is broken.\r\n"
)
SECRET = f"whsec_{base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()}"
OTHER_SECRET = f"whsec_{base64.b64encode(b'another secret of thirty-two by.').decode()}"


def support_inbox() -> Inbox:
    """The mail inbox that provisioning made."""
    return Inbox.objects.get(connector="email")


def accept_mail(raw: bytes, *, recipient: str = "", mail_from: str = "mia@customer.example") -> InboundEvent:
    """Stores a mail as the listener does."""
    inbox = support_inbox()
    recipient = recipient or inbox.address
    return services.accept_inbound(
        inbox_id=inbox.public_id,
        connector="email",
        dedup_key=mail_dedup_key(raw, recipient),
        raw=raw,
        headers={},
        envelope={"mail_from": mail_from, "rcpt_to": recipient, "peer": "127.0.0.1", "helo": "test"},
    )


def receive_mail(raw: bytes, **envelope: str) -> InboundEvent:
    """Stores a mail and takes it to its end."""
    event = accept_mail(raw, **envelope)
    services.process_inbound(inbound_id=event.pk)
    event.refresh_from_db()
    return event


@dataclasses.dataclass
class Thread:
    """A customer's mail that an agent has answered."""

    conversation: Conversation
    ticket: Ticket
    sent: Message
    reply_to: str

    def mail(self, name: str) -> bytes:
        """A payload whose marks point to this thread."""
        forged_id = "a" * 26
        local, domain = self.reply_to.split("@")
        return load(
            name,
            SENT_ID=self.sent.external_id,
            REPLY_TO=self.reply_to,
            TENANT=str(tenancy.current_tenant().id),
            FORGED=f"{local[:-20]}{'b' * 20}@{domain}",
            FORGED_ID=f"{forged_id}.{'b' * 20}@{domain}",
        )


def answered_thread(agent: Any) -> Thread:
    """Mia's first mail, a ticket, and the agent's answer that was handed over."""
    event = receive_mail(FIRST_MAIL)
    conversation = event.message.conversation
    sent = messaging.send_reply(conversation=conversation, author=agent, body_text="Can you come on Tuesday?")
    sent.delivery.state = "sent"
    sent.delivery.save()
    Message.objects.filter(pk=sent.pk).update(delivery_state="sent")
    reply_to = tokens.reply_address(conversation.inbox.address, conversation.public_id, key=mail_keys()[0])
    return Thread(conversation, Ticket.objects.get(requester=conversation.contact), sent, reply_to)


def api_inbox(tenant: Any, *, secret: str = SECRET, route_key: str = "key-of-the-shop") -> Inbox:
    """An API inbox with a known key and secret."""
    with tenancy.tenant_scope(tenant):
        inbox = Inbox.objects.create(connector="api", name="Shop", address=route_key)
    tenants.add_channel_route(tenant=tenant, connector="api", external_id=route_key, inbox_id=inbox.public_id, secret=secret)
    return inbox


def signed(body: Any, *, secret: str = SECRET, hook_id: str = "", at: datetime.datetime | None = None) -> tuple[bytes, dict[str, str]]:
    """A hook's body and its headers in the form of Django's test client."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    moment = at or now()
    hook_id = hook_id or f"msg_{new_id()}"
    headers = {
        "HTTP_WEBHOOK_ID": hook_id,
        "HTTP_WEBHOOK_TIMESTAMP": str(int(moment.timestamp())),
        "HTTP_WEBHOOK_SIGNATURE": Webhook(secret).sign(hook_id, moment, raw.decode()),
    }
    return raw, headers

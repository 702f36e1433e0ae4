"""Messages that come in."""

from collections.abc import Iterable

from django.db.models import F
from django.db.models.functions import Coalesce, Greatest
from kernel.clock import now
from kernel.uow import record, unit_of_work

from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts.models import Contact
from tenant_apps.messaging.events import ConversationStarted, MessageReceived
from tenant_apps.messaging.incoming import IncomingMessage
from tenant_apps.messaging.models import AuthorKind, Conversation, Direction, Message, MessageIdEntry, Visibility
from tenant_apps.messaging.services.attachments import store_attachments

MAX_MESSAGE_ID = 998


@unit_of_work
def start_conversation(*, inbox: Inbox, contact: Contact, subject: str = "", external_thread_id: str = "") -> Conversation:
    """Opens a conversation. With an external thread id the existing one is returned."""
    if external_thread_id:
        known = Conversation.objects.filter(inbox=inbox, external_thread_id=external_thread_id).first()
        if known is not None:
            return known
    conversation = Conversation.objects.create(inbox=inbox, contact=contact, subject=subject[:500], external_thread_id=external_thread_id)
    record(ConversationStarted(aggregate_id=conversation.public_id, inbox_id=inbox.public_id, contact_id=contact.public_id))
    return conversation


@unit_of_work
def receive_message(*, conversation: Conversation, contact: Contact, incoming: IncomingMessage) -> Message:
    """Appends an incoming message. Locks the conversation, so that messages of one thread are numbered one after another."""
    Conversation.objects.select_for_update().get(pk=conversation.pk)
    external_id = incoming.external_id[:MAX_MESSAGE_ID]
    if Message.objects.filter(conversation=conversation, direction=Direction.IN, external_id=external_id).exists():
        external_id = ""  # a sender that reuses ids: the first message keeps it
    message = Message.objects.create(
        conversation=conversation,
        direction=Direction.IN,
        visibility=Visibility.PUBLIC,
        kind=incoming.kind,
        author_kind=AuthorKind.CONTACT,
        author_contact=contact,
        is_third_party=incoming.is_third_party,
        subject=incoming.subject[:500],
        body_text=incoming.body_text,
        body_html=incoming.body_html,
        quoted_text=incoming.quoted_text,
        blocked_images=incoming.blocked_images,
        external_id=external_id,
        in_reply_to=incoming.in_reply_to[:MAX_MESSAGE_ID],
        references=[reference[:MAX_MESSAGE_ID] for reference in incoming.references[-50:]],
        occurred_at=incoming.occurred_at,
    )
    store_attachments(message, incoming.attachments)
    note_message_ids(conversation=conversation, message_ids=[incoming.external_id, incoming.in_reply_to, *incoming.references[-50:]])
    touch(conversation)
    record(MessageReceived(aggregate_id=message.public_id, conversation_id=conversation.public_id, kind=incoming.kind))
    return message


@unit_of_work
def note_message_ids(*, conversation: Conversation, message_ids: Iterable[str]) -> None:
    """Remembers mail ids as belonging to the conversation. An id that another conversation holds stays there."""
    ids = sorted({message_id[:MAX_MESSAGE_ID] for message_id in message_ids if message_id})
    MessageIdEntry.objects.bulk_create(
        [MessageIdEntry(message_id=message_id, conversation=conversation) for message_id in ids], ignore_conflicts=True
    )


def touch(conversation: Conversation) -> None:
    """Moves the time of the last message forward, never back."""
    moment = now()
    Conversation.objects.filter(pk=conversation.pk).update(last_message_at=Greatest(Coalesce(F("last_message_at"), moment), moment))

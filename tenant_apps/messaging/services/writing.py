"""Messages that agents write: replies that go out, and notes that never do."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from kernel import html
from kernel.clock import now
from kernel.ids import new_id
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.connectors import services as connectors
from tenant_apps.messaging.errors import NoRecipient
from tenant_apps.messaging.events import MessageQueued, NoteAdded
from tenant_apps.messaging.incoming import FileContent
from tenant_apps.messaging.models import AuthorKind, Conversation, Delivery, DeliveryState, Direction, Message, Visibility
from tenant_apps.messaging.services.attachments import check_files, store_attachments
from tenant_apps.messaging.services.followers import FOLLOWERS
from tenant_apps.messaging.services.receiving import note_message_ids, touch

MAX_BODY = 100_000
MAX_REFERENCES = 20


@unit_of_work
def send_reply(
    *,
    conversation: Conversation,
    author: User,
    body_text: str = "",
    body_html: str = "",
    attachments: Sequence[FileContent] = (),
    client_token: str = "",
) -> Message:
    """Queues a public reply. A second call with the same client token returns the first message.

    Raises ValidationProblem for an empty or over-long body, AttachmentRefused, NoRecipient, and what a follower refuses.
    The Message-ID is given here and never changes, however often the delivery is tried.
    """
    text, markup = _body(body_text, body_html, attachments)
    known = _already_written(conversation, author, client_token)
    if known is not None:
        return known
    for follower in FOLLOWERS.all().values():
        follower.check_reply(conversation)
    recipient = connectors.recipient_of(inbox=conversation.inbox, contact=conversation.contact)
    if not recipient:
        raise NoRecipient
    public_id = new_id()
    in_reply_to, references = _threading(conversation)
    message = Message.objects.create(
        public_id=public_id,
        conversation=conversation,
        direction=Direction.OUT,
        visibility=Visibility.PUBLIC,
        author_kind=AuthorKind.USER,
        author_user=author,
        subject=conversation.subject,
        body_text=text,
        body_html=markup,
        external_id=connectors.external_id_for(inbox=conversation.inbox, message_id=public_id),
        in_reply_to=in_reply_to,
        references=references,
        client_token=client_token,
        delivery_state=DeliveryState.QUEUED,
        occurred_at=now(),
    )
    store_attachments(message, attachments)
    Delivery.objects.create(message=message, recipient=recipient, next_attempt_at=now())
    note_message_ids(conversation=conversation, message_ids=[message.external_id])
    touch(conversation)
    record(MessageQueued(aggregate_id=public_id, conversation_id=conversation.public_id, client_token=client_token))
    _audit("message.send", message, len(attachments))
    _tell_followers(message)
    return message


@unit_of_work
def add_note(
    *,
    conversation: Conversation,
    author: User,
    body_text: str = "",
    body_html: str = "",
    attachments: Sequence[FileContent] = (),
    client_token: str = "",
) -> Message:
    """Adds an internal note, which has no delivery and no mail id, so nothing could ever send it."""
    text, markup = _body(body_text, body_html, attachments)
    known = _already_written(conversation, author, client_token)
    if known is not None:
        return known
    message = Message.objects.create(
        conversation=conversation,
        direction=Direction.OUT,
        visibility=Visibility.INTERNAL,
        author_kind=AuthorKind.USER,
        author_user=author,
        body_text=text,
        body_html=markup,
        client_token=client_token,
        occurred_at=now(),
    )
    store_attachments(message, attachments)
    touch(conversation)
    record(NoteAdded(aggregate_id=message.public_id, conversation_id=conversation.public_id, client_token=client_token))
    _audit("message.note", message, len(attachments))
    _tell_followers(message)
    return message


def _audit(action: str, message: Message, files: int) -> None:
    """By reference: what was written stands in the message."""
    changes = {"conversation": [None, str(message.conversation.public_id)], **({"files": [None, files]} if files else {})}
    record_audit(action=action, object_type="message", object_id=message.public_id, changes=changes)


def _tell_followers(message: Message) -> None:
    for follower in FOLLOWERS.all().values():
        follower.written(message)


def _body(body_text: str, body_html: str, attachments: Sequence[FileContent]) -> tuple[str, str]:
    check_files(attachments)
    if len(body_text) > MAX_BODY or len(body_html) > MAX_BODY:
        raise ValidationProblem([FieldError("/body_text", "too_long", _("A message has at most 100,000 characters"))])
    markup = html.sanitise(body_html).html if body_html.strip() else ""
    text = body_text.strip() or (html.text_from_html(markup).strip() if markup else "")
    if not text and not attachments:
        raise ValidationProblem([FieldError("/body_text", "required", _("Write something first"))])
    return text, markup


def _already_written(conversation: Conversation, author: User, client_token: str) -> Message | None:
    """Locks the conversation; then the same token can have been used only by a committed message."""
    Conversation.objects.select_for_update().get(pk=conversation.pk)
    if not client_token:
        return None
    return Message.objects.filter(conversation=conversation, author_user=author, client_token=client_token).first()


def _threading(conversation: Conversation) -> tuple[str, list[str]]:
    """In-Reply-To: the latest public message with a mail id; References: the first id and the newest, at most 20."""
    rows: Any = Message.objects.filter(conversation=conversation, visibility=Visibility.PUBLIC).exclude(external_id="")
    ids = [str(external_id) for external_id in rows.order_by("id").values_list("external_id", flat=True)]
    latest_in = rows.filter(direction=Direction.IN).order_by("-id").values_list("external_id", flat=True).first()
    if len(ids) > MAX_REFERENCES:
        ids = [ids[0], *ids[-(MAX_REFERENCES - 1) :]]
    return str(latest_in or (ids[-1] if ids else "")), ids

"""Messages as the thread shows them: safe markup, files with links, the state of delivery."""

import dataclasses
import datetime
import re
import uuid
from typing import Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, pgettext
from kernel import html
from ui.faces import Face, face

from tenant_apps.messaging import services
from tenant_apps.messaging.models import Attachment, AuthorKind, DeliveryState, Direction, Message, MessageKind, Visibility

_HEADING: Final = re.compile(r"<(/?)h[1-6]\b")
_IMAGE_WITHOUT_TEXT: Final = re.compile(r"<img(?![^>]*\salt=)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a message. The link is signed anew when someone follows it."""

    name: str
    size: int
    icon: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message, note or machine mail of the thread."""

    id: uuid.UUID
    token: str
    shape: str  # in, out or note
    face: Face
    at: datetime.datetime
    body: SafeString
    is_mail: bool
    quoted: str
    blocked_images: int
    files: list[File]
    label: str
    state: str
    state_icon: str
    state_label: str
    error: str


def message_view(message: Message) -> MessageView:
    """The message, with authors and files loaded by the selectors."""
    is_note = message.visibility == Visibility.INTERNAL
    attachments = list(message.attachments.all())
    state_icon, state_label = _delivery(message.delivery_state)
    return MessageView(
        id=message.public_id,
        token=message.client_token,
        shape="note" if is_note else ("in" if message.direction == Direction.IN else "out"),
        face=_author(message),
        at=message.created_at,
        body=_body(message, attachments),
        is_mail=bool(message.body_html),
        quoted=message.quoted_text,
        blocked_images=message.blocked_images,
        files=[_file(attachment) for attachment in attachments if not _is_in_body(attachment, message)],
        label="" if is_note else _label(message),
        state=message.delivery_state,
        state_icon=state_icon,
        state_label=state_label,
        error=message.delivery_error,
    )


def _author(message: Message) -> Face:
    if message.author_kind == AuthorKind.USER and message.author_user is not None:
        return face(message.author_user.name, message.author_user.public_id)
    if message.author_kind == AuthorKind.CONTACT and message.author_contact is not None:
        return face(message.author_contact.name or message.author_contact.email or "?", message.author_contact.public_id)
    return face(gettext("Automatic message"), "system")


def _body(message: Message, attachments: list[Attachment]) -> SafeString:
    """Markup that `kernel.html` made safe: at intake for foreign HTML, here for plain text."""
    if not message.body_html:
        return mark_safe(html.html_from_text(message.body_text))  # noqa: S308 (escaped by html_from_text)
    if "cid:" not in message.body_html:
        return mark_safe(_fit_for_page(message.body_html))  # noqa: S308 (sanitised when it was stored)
    images = {attachment.content_id: services.sign_attachment(attachment.public_id) for attachment in attachments if attachment.content_id}
    return mark_safe(_fit_for_page(html.sanitise(message.body_html, images=images).html))  # noqa: S308 (sanitised here)


def _fit_for_page(markup: str) -> str:
    """A mail's headings stand below the page's own, and a picture without a description is decoration (WCAG 1.1.1, 1.3.1)."""
    return _IMAGE_WITHOUT_TEXT.sub('<img alt=""', _HEADING.sub(r"<\1h3", markup))


def _is_in_body(attachment: Attachment, message: Message) -> bool:
    return attachment.is_inline and bool(attachment.content_id) and f"cid:{attachment.content_id}" in message.body_html


def _file(attachment: Attachment) -> File:
    is_image = attachment.content_type.startswith("image/")
    return File(
        name=attachment.filename,
        size=attachment.size,
        icon="image" if is_image else "file-text",
        url=f"/inbox/files/{attachment.public_id}/",
    )


def _label(message: Message) -> str:
    if message.is_third_party:
        return pgettext("message", "Third party")
    return {
        MessageKind.AUTO_REPLY: pgettext("message", "Automatic reply"),
        MessageKind.BULK: pgettext("message", "Bulk mail"),
        MessageKind.BOUNCE_HARD: pgettext("message", "Delivery failed"),
        MessageKind.BOUNCE_SOFT: pgettext("message", "Delivery delayed"),
    }.get(MessageKind(message.kind), "")


def _delivery(state: str) -> tuple[str, str]:
    return {
        DeliveryState.QUEUED: ("clock", pgettext("delivery", "Queued")),
        DeliveryState.SENDING: ("clock", pgettext("delivery", "Sending")),
        DeliveryState.SENT: ("check", pgettext("delivery", "Sent")),
        DeliveryState.FAILED: ("circle-alert", pgettext("delivery", "Not delivered")),
    }.get(DeliveryState(state), ("", ""))

"""The generic API connector: Standard Webhooks in; programs fetch the answers from our API."""

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import orjson
from kernel import html as kernel_html
from kernel.clock import now
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from tenant_apps.connectors.mail import address, filename
from tenant_apps.connectors.mail.headers import clean
from tenant_apps.connectors.registry import (
    CONNECTORS,
    Capabilities,
    FileContent,
    InboxRef,
    Incoming,
    Outgoing,
    PayloadRefused,
    Person,
    Setting,
)

MAX_TEXT: Final = 100_000
MAX_FILES: Final = 20
_FIELDS: Final = frozenset({"message_id", "contact", "conversation_id", "subject", "text", "html", "attachments"})
_CONTACT_FIELDS: Final = frozenset({"external_id", "name", "email"})
_FILE_FIELDS: Final = frozenset({"filename", "content_type", "content_base64"})
_WRONG_SIGNATURE: Final = (WebhookVerificationError, EmptyWebhookSecretError, ValueError, OverflowError)
JsonObject = Mapping[str, Any]  # Any: JSON from outside


def is_signed(raw: bytes, headers: Mapping[str, str], *, secret: str) -> bool:
    """Whether one of the signatures was made with one of our secrets, for these bytes, within five minutes of now.

    `secret` holds one `whsec_` secret, or two separated by a space while the older one is being replaced. Every secret is tried,
    and each comparison takes constant time.
    """
    matches = [_matches(raw, headers, one) for one in secret.split()]
    return any(matches)


def _matches(raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(raw, {name.lower(): value for name, value in headers.items()}, json_parse=False)
    except _WRONG_SIGNATURE:  # ValueError: not UTF-8, a signature that is no base64, an entry without a comma
        return False
    return True


@CONNECTORS.register("api")
class ApiConnector:
    """Messages from any program that can sign a webhook."""

    slug: ClassVar[str] = "api"
    label: ClassVar[str] = "API"
    capabilities: ClassVar[Capabilities] = Capabilities(
        can_start=False,
        has_html=True,
        has_attachments=True,
        has_receipts=False,
        text_limit=MAX_TEXT,
        attachment_limit=700_000,
    )
    settings_schema: ClassVar[Sequence[Setting]] = ()

    def check_settings(self, config: JsonObject) -> dict[str, str]:
        """There are no settings."""
        return dict.fromkeys(config, "This setting is not known")

    def read(self, raw: bytes, *, inbox: InboxRef, headers: Mapping[str, str], envelope: JsonObject) -> Incoming:
        """The message of a hook's body. Raises PayloadRefused with the field at fault; unknown fields are at fault too."""
        body = _object(_json(raw), "", _FIELDS)
        contact = _object(body.get("contact"), "contact", _CONTACT_FIELDS)
        markup = kernel_html.sanitise(_text(body, "html", limit=MAX_TEXT))
        text = _text(body, "text", limit=MAX_TEXT) or kernel_html.text_from_html(markup.html)
        files = _files(body.get("attachments"))
        if not text.strip() and not files:
            raise PayloadRefused("empty_message", "One of text, html and attachments is needed")
        return Incoming(
            sender=_person(contact),
            text=text,
            html=markup.html,
            blocked_images=markup.blocked_images,
            subject=clean(_text(body, "subject", limit=2_000))[:250],
            external_id=_text(body, "message_id", limit=200) or headers.get("webhook-id", "")[:200],
            thread_id=_text(body, "conversation_id", limit=200),
            occurred_at=now(),
            files=files,
        )

    def external_id_for(self, *, inbox: InboxRef, message_id: uuid.UUID) -> str:
        """Our own id; the channel gives none."""
        return str(message_id)

    def send(self, outgoing: Outgoing, *, inbox: InboxRef) -> None:
        """Nothing leaves us: the reply counts as sent once it can be read from the API, which is now."""


def _json(raw: bytes) -> Any:  # Any: JSON from outside
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PayloadRefused("not_json", "The body is not JSON") from error


def _object(value: Any, name: str, known: frozenset[str]) -> JsonObject:  # Any: JSON from outside
    if not isinstance(value, dict):
        raise PayloadRefused("invalid_payload", f"{name or 'The body'} must be an object")
    unknown = sorted(key for key in value if key not in known)
    if unknown:
        place = f" in {name}" if name else ""
        raise PayloadRefused("unknown_field", f"Not known{place}: {clean(', '.join(unknown))[:200]}")
    return value


def _text(body: JsonObject, name: str, *, limit: int) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise PayloadRefused("invalid_payload", f"{name} must be text of at most {limit} characters")
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _person(contact: JsonObject) -> Person:
    external_id = clean(_text(contact, "external_id", limit=200))
    if not external_id:
        raise PayloadRefused("invalid_payload", "contact.external_id is needed")
    given = _text(contact, "email", limit=254)
    email = address.normalise(given)
    if given and not email:
        raise PayloadRefused("invalid_payload", "contact.email is not a mail address")
    return Person(name=clean(_text(contact, "name", limit=160)), email=email, external_id=external_id)


def _files(value: Any) -> list[FileContent]:  # Any: JSON from outside
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise PayloadRefused("invalid_payload", f"attachments must be a list of at most {MAX_FILES}")
    return [_file(_object(item, f"attachments[{position}]", _FILE_FIELDS)) for position, item in enumerate(value)]


def _file(item: JsonObject) -> FileContent:
    try:
        content = base64.b64decode(_text(item, "content_base64", limit=2_000_000), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadRefused("invalid_payload", "content_base64 is not base64") from error
    return FileContent(
        filename=filename.sanitise(_text(item, "filename", limit=1_000)),
        content_type=clean(_text(item, "content_type", limit=120)).lower() or "application/octet-stream",
        content=content,
    )

"""What a connector is: the protocol, the values it exchanges with the rest of the system, and the registry of all of them."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, Protocol

from kernel.registry import Registry

MessageKind = Literal["human", "auto_reply", "bulk", "bounce_hard", "bounce_soft"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can do, so that clients show only what works. Sizes are in bytes, `text_limit` in characters."""

    can_start: bool
    has_html: bool
    has_attachments: bool
    has_receipts: bool
    text_limit: int
    attachment_limit: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of an inbox of this connector, for clients that draw a form."""

    name: str
    label: str
    kind: Literal["text", "boolean", "email"]
    is_required: bool = False
    help_text: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InboxRef:
    """What an adapter may know of the inbox it works for. `keys` are the tenant's mail keys, the first one signs."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    name: str
    address: str
    config: Mapping[str, Any]  # Any: JSON of the connector's own settings
    keys: Sequence[bytes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The outside person of a message: known by a mail address, or by the id an outside system gives."""

    name: str = ""
    email: str = ""
    external_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file with its bytes; `content_id` names an image the HTML shows."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""
    is_inline: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    """What a bounce says of a message of ours."""

    original_external_id: str
    detail: str
    is_final: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """An inbound event read by its connector. `html` is sanitised; ids carry no brackets.

    `conversation_ids` come from signed reply addresses and `message_ids` from signed Message-IDs, each in the order in which
    they should be tried; `known_ids` are unsigned and prove nothing.
    """

    sender: Person
    text: str
    occurred_at: datetime.datetime
    html: str = ""
    quoted_text: str = ""
    blocked_images: int = 0
    subject: str = ""
    external_id: str = ""
    in_reply_to: str = ""
    references: Sequence[str] = ()
    kind: MessageKind = "human"
    kind_reason: str = ""
    files: Sequence[FileContent] = ()
    thread_id: str = ""
    conversation_ids: Sequence[uuid.UUID] = ()
    message_ids: Sequence[uuid.UUID] = ()
    known_ids: Sequence[str] = ()
    report: FailureReport | None = None
    loop_mark: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A reply to hand over. `external_id` never changes between attempts."""

    message_id: uuid.UUID
    conversation_id: uuid.UUID
    external_id: str
    recipient: str
    recipient_name: str
    author_name: str
    subject: str
    text: str
    html: str = ""
    in_reply_to: str = ""
    references: Sequence[str] = ()
    written_at: datetime.datetime
    files: Sequence[FileContent] = ()


class PayloadRefused(ValueError):
    """The stored bytes cannot become a message, now or later. `code` is stable, the text is for the tenant's admin."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class HandOverFailed(RuntimeError):
    """The channel did not take the message. The text is for the agent; a permanent failure is not tried again."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.is_permanent = reason, is_permanent


class Connector(Protocol):
    """A channel type. Instances hold no state and touch no database; one lives as long as the process."""

    slug: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    settings_schema: ClassVar[Sequence[Setting]]

    def check_settings(self, config: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON from a client
        """What is wrong with an inbox's settings, as a sentence for each setting; empty when all is well."""
        ...

    def read(self, raw: bytes, *, inbox: InboxRef, headers: Mapping[str, str], envelope: Mapping[str, Any]) -> Incoming:  # Any: JSON
        """The message in a stored event. Raises PayloadRefused."""
        ...

    def external_id_for(self, *, inbox: InboxRef, message_id: uuid.UUID) -> str:
        """The channel's id of an outgoing message, the same each time it is asked."""
        ...

    def send(self, outgoing: Outgoing, *, inbox: InboxRef) -> None:
        """Hands a reply over; called with no transaction open. Raises HandOverFailed."""
        ...


CONNECTORS: Final[Registry[type[Connector]]] = Registry("connector")

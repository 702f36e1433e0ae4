"""The shape in which every connector hands over what it received, and in which agents hand over files."""

import dataclasses
import datetime

from tenant_apps.messaging.models import MessageKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file with its bytes. `content_id` is the mail part's id without brackets, for inline images."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""
    is_inline: bool = False


IncomingAttachment = FileContent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A message from outside. `body_html` is sanitised already; ids come without angle brackets."""

    body_text: str
    occurred_at: datetime.datetime
    body_html: str = ""
    quoted_text: str = ""
    blocked_images: int = 0
    subject: str = ""
    external_id: str = ""
    in_reply_to: str = ""
    references: list[str] = dataclasses.field(default_factory=list)
    kind: str = MessageKind.HUMAN
    is_third_party: bool = False
    attachments: list[IncomingAttachment] = dataclasses.field(default_factory=list)

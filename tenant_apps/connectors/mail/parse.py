"""Raw mail to values. Uses the fast compat32 parser and decodes by hand what is wanted, so that no odd header can fail it."""

import dataclasses
import datetime
import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final
from urllib.parse import unquote

from kernel.html import html_from_text, text_from_html

from tenant_apps.connectors.mail import address, charset, filename, headers
from tenant_apps.connectors.mail.address import Address
from tenant_apps.connectors.mail.errors import UnreadableMail
from tenant_apps.connectors.mail.parts import (
    charset_of,
    children,
    content_of,
    descendants,
    enclosed_mail,
    fields_of,
    filename_of,
    first,
    parameter,
)
from tenant_apps.connectors.mail.structure import read_structure

MAX_BYTES: Final = 40 * 1024 * 1024
MAX_SUBJECT: Final = 250
MAX_TEXT: Final = 500_000


_SIGNATURE_TYPES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"})
_CONTENT_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_CID: Final = re.compile(r"cid:([^\"'\s)>]{1,255})", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file of the mail. `is_inline` means that the HTML shows it by its Content-ID."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""
    is_inline: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a delivery status notification says of one recipient (RFC 3464)."""

    recipient: str
    action: str
    status: str
    diagnostic: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery status notification: whose mail it is about and what became of it."""

    original_message_id: str
    recipients: tuple[RecipientStatus, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ParsedMail:
    """Everything the intake needs of a mail. Text fields hold no control characters; ids carry no brackets."""

    senders: tuple[Address, ...]
    sender_fields: int
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    delivered_to: tuple[Address, ...]
    subject: str
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime.datetime | None
    text: str
    html: str
    attachments: tuple[MailAttachment, ...]
    authentication_results: tuple[str, ...]
    header_fields: dict[str, tuple[str, ...]]
    content_type: str
    report_type: str
    report: DeliveryReport | None
    calendar_method: str
    is_signed: bool
    is_encrypted: bool

    @property
    def sender(self) -> Address | None:
        """The one author, or None where the mail names none or, by two From fields, leaves it open."""
        return self.senders[0] if self.senders and self.sender_fields == 1 else None

    def field(self, name: str) -> str:
        """The first field of this name, decoded; empty where there is none."""
        return self.header_fields.get(name.lower(), ("",))[0]


def parse_mail(raw: bytes, *, max_bytes: int = MAX_BYTES) -> ParsedMail:
    """The mail behind the bytes. Raises UnreadableMail for nothing else than no mail at all and exceeded limits."""
    if not raw.strip():
        raise UnreadableMail("empty")
    if len(raw) > max_bytes:
        raise UnreadableMail("too_large")
    root = read_structure(raw)
    fields = fields_of(root)
    if not fields.keys() & {"from", "to", "date", "subject", "received", "message-id", "content-type"}:
        raise UnreadableMail("not_a_mail")
    body = _Body()
    body.read(root)
    return ParsedMail(
        senders=address.parse(first(fields, "from")),
        sender_fields=len(fields.get("from", ())),
        reply_to=address.parse(first(fields, "reply-to")),
        to=_addresses(fields, "to"),
        cc=_addresses(fields, "cc"),
        delivered_to=_addresses(fields, "delivered-to", "x-original-to", "envelope-to"),
        subject=_cut(headers.decode_field(first(fields, "subject")), MAX_SUBJECT),
        message_id=next(iter(headers.message_ids(first(fields, "message-id"))), ""),
        in_reply_to=headers.message_ids(first(fields, "in-reply-to")),
        references=headers.message_ids(first(fields, "references")),
        date=headers.date(first(fields, "date")),
        text=body.text(),
        html=body.html(),
        attachments=body.attachments(),
        authentication_results=tuple(headers.decode_field(value) for value in fields.get("authentication-results", ())),
        header_fields={name: tuple(headers.decode_field(value) for value in values[:5]) for name, values in fields.items()},
        content_type=root.get_content_type(),
        report_type=parameter(root, "report-type").lower(),
        report=body.report,
        calendar_method=body.calendar_method,
        is_signed=body.is_signed,
        is_encrypted=body.is_encrypted,
    )


@dataclasses.dataclass(slots=True)
class _Segment:
    """A stretch of body: as text, as HTML, or as both."""

    text: str | None = None
    html: str | None = None


class _Body:
    """Walks the parts in order and sorts them into body, inline images and files."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._files: list[MailAttachment] = []
        self.report: DeliveryReport | None = None
        self.calendar_method = ""
        self.is_signed = False
        self.is_encrypted = False

    def text(self) -> str:
        """The body as text: the text parts, and HTML that came alone converted."""
        parts = [segment.text if segment.text is not None else text_from_html(segment.html or "") for segment in self._segments]
        return _cut("\n\n".join(part.strip("\n") for part in parts if part.strip()), MAX_TEXT)

    def html(self) -> str:
        """The body as HTML, not sanitised; empty where no part was HTML."""
        if not any(segment.html for segment in self._segments):
            return ""
        return "\n".join(segment.html if segment.html is not None else html_from_text(segment.text or "") for segment in self._segments)

    def attachments(self) -> tuple[MailAttachment, ...]:
        """The files, with `is_inline` only for images that the HTML really shows."""
        shown = {unquote(cid) for cid in _CID.findall(self.html())}
        return tuple(
            dataclasses.replace(file, is_inline=file.content_id in shown and file.content_type.startswith("image/")) for file in self._files
        )

    def read(self, part: Message) -> None:
        """Sorts this part and everything below it."""
        content_type = part.get_content_type()
        if content_type == "multipart/alternative":
            self._read_alternative(part)
        elif content_type == "multipart/report" or (content_type == "message/delivery-status" and self.report is None):
            self._read_report(part)
        elif content_type.startswith("multipart/") and part.is_multipart():
            self.is_signed = self.is_signed or content_type == "multipart/signed"
            self.is_encrypted = self.is_encrypted or content_type == "multipart/encrypted"
            for child in children(part):
                self.read(child)
        else:
            self._read_leaf(part, content_type)

    def _read_alternative(self, part: Message) -> None:
        """The same content in several forms: one segment, and whatever is neither text nor HTML as files."""
        inner = _Body()
        for child in children(part):
            inner.read(child)
        self._take_over(inner)
        texts = [segment.text for segment in inner._segments if segment.text is not None]
        pages = [segment.html for segment in inner._segments if segment.html is not None]
        if texts or pages:
            text = next((candidate for candidate in texts if candidate.strip()), None)
            self._segments.append(_Segment(text=text, html="\n".join(pages) if pages else None))

    def _read_report(self, part: Message) -> None:
        """A report's human part is the body; the machine part is read; the returned mail is no attachment."""
        statuses: list[RecipientStatus] = []
        original_id = ""
        for child in descendants(part):
            content_type = child.get_content_type()
            if content_type in {"message/delivery-status", "message/global-delivery-status"}:
                statuses += _recipient_statuses(child)
            elif content_type in {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}:
                original_id = original_id or _returned_message_id(child)
            elif content_type in {"text/plain", "text/html", "multipart/alternative"}:
                self.read(child)
        if statuses or original_id:
            self.report = DeliveryReport(original_message_id=original_id, recipients=tuple(statuses))

    def _read_leaf(self, part: Message, content_type: str) -> None:
        if content_type in _SIGNATURE_TYPES:
            self.is_signed = True
            return
        if content_type in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
            is_signed_only = parameter(part, "smime-type").lower() == "signed-data"
            self.is_signed, self.is_encrypted = self.is_signed or is_signed_only, self.is_encrypted or not is_signed_only
        if content_type == "text/calendar":
            self.calendar_method = self.calendar_method or (parameter(part, "method") or _calendar_method(part)).upper()[:20]
        if content_type.startswith("multipart/"):
            content_type = "text/plain"  # a label without the parts it promises
        name = filename_of(part)
        is_file = bool(name) or part.get_content_disposition() == "attachment"
        if content_type in {"text/plain", "text/html"} and not is_file:
            text = charset.decode(content_of(part), charset_of(part))
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            self._segments.append(_Segment(text=text) if content_type == "text/plain" else _Segment(html=text))
            return
        content = enclosed_mail(part) if content_type.startswith("message/") else content_of(part)
        if content or name:
            self._files.append(_file(part, content_type, name, content))

    def _take_over(self, inner: "_Body") -> None:
        self._files += inner._files
        self.report = self.report or inner.report
        self.calendar_method = self.calendar_method or inner.calendar_method
        self.is_signed = self.is_signed or inner.is_signed
        self.is_encrypted = self.is_encrypted or inner.is_encrypted


# --- files ---


def _file(part: Message, content_type: str, name: str, content: bytes) -> MailAttachment:
    fallback = "attachment"
    if content_type == "message/rfc822":
        enclosed = children(part)
        subject = headers.decode_field(first(fields_of(enclosed[0]), "subject")) if enclosed else ""
        fallback = f"{filename.sanitise(subject, fallback='message')[:100]}.eml"
    elif content_type == "text/calendar":
        fallback = "invite.ics"
    elif content_type in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        fallback = "smime.p7m"
    content_id = next(iter(headers.message_ids(first(fields_of(part), "content-id"))), "") or _bare_content_id(part)
    return MailAttachment(
        filename=filename.sanitise(name, fallback=fallback),
        content_type=content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream",
        content=content,
        content_id=content_id[:255],
    )


def _bare_content_id(part: Message) -> str:
    return headers.decode_field(first(fields_of(part), "content-id")).strip("<>")


def _calendar_method(part: Message) -> str:
    found = re.search(rb"^METHOD:([A-Za-z-]{1,20})\s*$", content_of(part)[:100_000], re.MULTILINE)
    return found[1].decode("ascii") if found else ""


# --- reports ---


def _recipient_statuses(part: Message) -> list[RecipientStatus]:
    statuses = []
    for block in children(part):
        fields = fields_of(block)
        action = headers.decode_field(first(fields, "action")).split(" ", 1)[0].lower()
        status = re.search(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b", first(fields, "status"))
        if not action and not status:
            continue
        recipient = headers.decode_field(first(fields, "final-recipient") or first(fields, "original-recipient"))
        statuses.append(
            RecipientStatus(
                recipient=address.normalise(recipient.rpartition(";")[2].strip().strip("<>")),
                action=action,
                status=status[0] if status else "",
                diagnostic=headers.decode_field(first(fields, "diagnostic-code"))[:300],
            )
        )
    return statuses


def _returned_message_id(part: Message) -> str:
    enclosed = children(part)
    returned = enclosed[0] if enclosed else BytesParser(policy=compat32).parsebytes(content_of(part)[:200_000], headersonly=True)
    return next(iter(headers.message_ids(first(fields_of(returned), "message-id"))), "")


# --- values ---


def _addresses(fields: dict[str, list[str]], *names: str) -> tuple[Address, ...]:
    found = [item for name in names for value in fields.get(name, ())[:20] for item in address.parse(value)]
    return tuple({item.email: item for item in reversed(found)}.values())[::-1]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"

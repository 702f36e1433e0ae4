"""An outgoing mail as bytes: text and HTML, files, and the header fields that bring the answer back to its conversation."""

import dataclasses
import datetime
from collections.abc import Sequence
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Final

from kernel.html import html_from_text, text_from_html

from tenant_apps.connectors.mail import filename
from tenant_apps.connectors.mail.address import Address
from tenant_apps.connectors.mail.headers import clean

MAX_REFERENCES: Final = 20
MAX_SUBJECT: Final = 250
LOOP_FIELD: Final = "X-Atende-Loop"
_ID_FIELDS: Final = frozenset({"message-id", "in-reply-to", "references", LOOP_FIELD.lower()})


@dataclasses.dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to send; with a `content_id` it is an image the HTML shows."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """What is said to whom. Ids carry no brackets; `html` must be sanitised already and may be empty."""

    sender: Address
    recipient: Address
    reply_to: str
    subject: str
    text: str
    html: str = ""
    message_id: str
    in_reply_to: str = ""
    references: Sequence[str] = ()
    loop_mark: str
    date: datetime.datetime
    files: Sequence[OutgoingFile] = ()
    is_automatic: bool = False


def compose(mail: OutgoingMail) -> bytes:
    """The mail ready for SMTP, with CRLF line ends. The same input gives the same header fields on every attempt."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _mailbox(mail.sender)
    message["To"] = _mailbox(mail.recipient)
    if mail.reply_to:
        message["Reply-To"] = _mailbox(Address(name=mail.sender.name, email=mail.reply_to))
    message["Subject"] = clean(mail.subject)[:MAX_SUBJECT]
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = _bracketed([mail.message_id])
    if mail.in_reply_to:
        message["In-Reply-To"] = _bracketed([mail.in_reply_to])
    references = capped_references(mail.references, mail.in_reply_to)
    if references:
        message["References"] = _bracketed(references)
    message[LOOP_FIELD] = clean(mail.loop_mark)
    if mail.is_automatic:
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
    _add_body(message, mail)
    return message.as_bytes()


def capped_references(references: Sequence[str], in_reply_to: str = "") -> list[str]:
    """At most 20 ids: the first one of the thread, then the newest, ending with the one that is answered."""
    ids = list(dict.fromkeys(item for item in references if item and item != in_reply_to))
    if in_reply_to:
        ids.append(in_reply_to)
    return ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]]


def reply_subject(subject: str) -> str:
    """`Re: ` in front, once."""
    subject = clean(subject)
    return subject if subject.lower().startswith(("re:", "res:", "aw:")) else f"Re: {subject}".strip()


class _MailPolicy(EmailPolicy):
    """The standard library folds long ids into encoded words, which breaks threading; ids are folded at spaces only here."""

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _ID_FIELDS:
            return f"{name}: {(self.linesep + ' ').join(str(value).split())}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _ID_FIELDS:
            return self.fold(name, value).encode("ascii", "replace")
        return super().fold_binary(name, value)


_POLICY: Final = _MailPolicy(linesep=SMTP.linesep, max_line_length=SMTP.max_line_length, cte_type="7bit")


def _add_body(message: EmailMessage, mail: OutgoingMail) -> None:
    text = _storable(mail.text or text_from_html(mail.html))
    message.set_content(f"{text.rstrip()}\n", charset="utf-8")
    html = _storable(mail.html or html_from_text(text))
    message.add_alternative(f"<!DOCTYPE html><html><body>{html}</body></html>\n", subtype="html", charset="utf-8")
    page = message.get_payload()[1]  # type: ignore[index]  # add_alternative has just made it a list
    for file in mail.files:
        maintype, _, subtype = file.content_type.partition("/")
        if not subtype or maintype in {"multipart", "message"}:
            maintype, subtype = "application", "octet-stream"
        name = filename.sanitise(file.filename)
        if file.content_id and f"cid:{file.content_id}" in html:
            page.add_related(  # type: ignore[union-attr]  # the HTML part is an EmailMessage
                file.content, maintype=maintype, subtype=subtype, filename=name, disposition="inline", cid=f"<{clean(file.content_id)}>"
            )
        else:
            message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=name)


def _mailbox(address: Address) -> HeaderAddress:
    local, _, domain = clean(address.email).rpartition("@")
    return HeaderAddress(display_name=clean(address.name)[:120], username=local.strip('"'), domain=domain)


def _bracketed(ids: Sequence[str]) -> str:
    return " ".join(f"<{''.join(clean(item).split()).strip('<>')}>" for item in ids)


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")

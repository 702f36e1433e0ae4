"""The connector for mail: raw mail in, SMTP out."""

import dataclasses
import smtplib
import ssl
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from django.conf import settings
from kernel import html as kernel_html
from kernel.clock import now

from tenant_apps.connectors.mail import address, compose, data_images, quoting, tokens
from tenant_apps.connectors.mail.address import Address
from tenant_apps.connectors.mail.classify import Classification, classify
from tenant_apps.connectors.mail.compose import OutgoingFile, OutgoingMail
from tenant_apps.connectors.mail.errors import UnreadableMail
from tenant_apps.connectors.mail.headers import clean
from tenant_apps.connectors.mail.parse import ParsedMail, parse_mail
from tenant_apps.connectors.registry import (
    CONNECTORS,
    Capabilities,
    FailureReport,
    FileContent,
    HandOverFailed,
    InboxRef,
    Incoming,
    Outgoing,
    PayloadRefused,
    Person,
    Setting,
)

SMTP_TIMEOUT_SECONDS = 15
CONNECT_PERMANENT = frozenset({530, 534, 535, 538})  # our own log-in is wrong: worth trying again once someone has mended it


@CONNECTORS.register("email")
class EmailConnector:
    """Mail through our own SMTP listener, and out through the relay of the installation."""

    slug: ClassVar[str] = "email"
    label: ClassVar[str] = "E-mail"
    capabilities: ClassVar[Capabilities] = Capabilities(
        can_start=True,
        has_html=True,
        has_attachments=True,
        has_receipts=False,
        text_limit=100_000,
        attachment_limit=25 * 1024 * 1024,
    )
    settings_schema: ClassVar[Sequence[Setting]] = (
        Setting(name="sender_name", label="Sender name", kind="text", help_text="Shown after the agent's name, for example Acme Support"),
    )

    def check_settings(self, config: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON from a client
        """Only `sender_name` is known: text of at most 80 characters."""
        errors = {name: "This setting is not known" for name in config if name != "sender_name"}
        name = config.get("sender_name", "")
        if not isinstance(name, str) or len(name) > 80:
            errors["sender_name"] = "Text of at most 80 characters"
        return errors

    def read(self, raw: bytes, *, inbox: InboxRef, headers: Mapping[str, str], envelope: Mapping[str, Any]) -> Incoming:
        """Parses, classifies and cuts the quote. Raises PayloadRefused for unreadable mail and for a mail without one sender."""
        try:
            mail = parse_mail(raw)
        except UnreadableMail as error:
            raise PayloadRefused(error.code, str(error)) from error
        envelope_sender = envelope.get("mail_from")
        found = classify(mail, envelope_sender=envelope_sender if isinstance(envelope_sender, str) else None)
        return _incoming(mail, found, inbox, _sender(mail, found, inbox), _recipients(mail, envelope))

    def external_id_for(self, *, inbox: InboxRef, message_id: uuid.UUID) -> str:
        """The signed Message-ID, without brackets."""
        return tokens.message_id(message_id, domain=address.domain_of(inbox.address), key=inbox.keys[0])

    def send(self, outgoing: Outgoing, *, inbox: InboxRef) -> None:
        """Hands the mail to the relay. Bounces come back to the signed reply address. Raises HandOverFailed."""
        reply_to = tokens.reply_address(inbox.address, outgoing.conversation_id, key=inbox.keys[0])
        mail = OutgoingMail(
            sender=Address(name=_sender_name(outgoing, inbox), email=inbox.address),
            recipient=Address(name=outgoing.recipient_name, email=outgoing.recipient),
            reply_to=reply_to,
            subject=compose.reply_subject(outgoing.subject) if outgoing.in_reply_to else outgoing.subject,
            text=outgoing.text,
            html=kernel_html.sanitise(outgoing.html).html if outgoing.html else "",
            message_id=outgoing.external_id,
            in_reply_to=outgoing.in_reply_to,
            references=outgoing.references,
            loop_mark=loop_mark(inbox),
            date=outgoing.written_at,
            files=[OutgoingFile(file.filename, file.content_type, file.content, file.content_id) for file in outgoing.files],
        )
        if not address.normalise(outgoing.recipient):
            raise HandOverFailed("The recipient's address is not valid", is_permanent=True)
        _hand_over(compose.compose(mail), sender=reply_to, recipient=outgoing.recipient)


def loop_mark(inbox: InboxRef) -> str:
    """What our own mails carry, to be recognised when they come back."""
    return f"{inbox.tenant_id}.{inbox.id}"


# --- in ---


def _sender(mail: ParsedMail, found: Classification, inbox: InboxRef) -> Person:
    """The author. Bounces without one are the mail system's; a person's mail without exactly one author is refused."""
    if mail.sender is not None:
        return Person(name=mail.sender.name, email=mail.sender.email)
    if found.is_bounce:
        return Person(name="Mail delivery", email=f"mailer-daemon@{address.domain_of(inbox.address)}")
    if mail.sender_fields > 1:
        raise PayloadRefused("two_senders", "The mail has more than one From field")
    raise PayloadRefused("no_sender", "The mail names no usable sender")


def _recipients(mail: ParsedMail, envelope: Mapping[str, Any]) -> list[str]:  # Any: JSON
    """Every address the mail may have been sent to, the envelope's first."""
    enveloped = address.normalise(str(envelope.get("rcpt_to", "")))
    named = [item.email for item in (*mail.delivered_to, *mail.to, *mail.cc)]
    return list(dict.fromkeys(email for email in (enveloped, *named) if email))


def _incoming(mail: ParsedMail, found: Classification, inbox: InboxRef, sender: Person, recipients: list[str]) -> Incoming:
    markup, images = data_images.extract(mail.html)
    text, quoted, page, blocked = _bodies(mail.text, markup)
    conversations = [tokens.conversation_of_address(email, keys=inbox.keys) for email in recipients]
    report = _report(found)
    linked = [report.original_external_id] if report and report.original_external_id else []
    linked += [*mail.in_reply_to, *reversed(mail.references)]
    linked = list(dict.fromkeys(linked))
    signed = [tokens.message_of_id(item, keys=inbox.keys) for item in linked]
    moment = now()
    return Incoming(
        sender=sender,
        text=text,
        html=page,
        quoted_text=quoted,
        blocked_images=blocked,
        subject=mail.subject,
        external_id=mail.message_id,
        in_reply_to=next(iter(mail.in_reply_to), ""),
        references=mail.references,
        occurred_at=min(mail.date, moment) if mail.date else moment,
        kind=found.kind,
        kind_reason=found.reason,
        files=[FileContent(**dataclasses.asdict(file)) for file in (*mail.attachments, *images)],
        conversation_ids=[item for item in conversations if item],
        message_ids=[item for item in signed if item],
        known_ids=linked,
        report=report,
        loop_mark=mail.field(compose.LOOP_FIELD),
    )


def _bodies(plain: str, markup: str) -> tuple[str, str, str, int]:
    """Text, quoted text, sanitised HTML and the number of blocked images. What is cut from the HTML is in the quoted text."""
    text = quoting.split_text(plain)
    if not markup:
        return text.visible.strip("\n"), text.quoted, "", 0
    page = quoting.split_html(markup)
    safe = kernel_html.sanitise(page.visible)
    if page.quoted and not text.quoted:
        return kernel_html.text_from_html(page.visible), kernel_html.text_from_html(page.quoted), safe.html, safe.blocked_images
    return text.visible.strip("\n"), text.quoted, safe.html, safe.blocked_images


def _report(found: Classification) -> FailureReport | None:
    if found.report is None:
        return None
    first = next((item for item in found.report.recipients if item.action == "failed"), next(iter(found.report.recipients), None))
    detail = " ".join(part for part in (first.status, first.diagnostic) if part) if first else ""
    return FailureReport(original_external_id=found.report.original_message_id, detail=detail[:300], is_final=found.is_final_failure)


# --- out ---


def _sender_name(outgoing: Outgoing, inbox: InboxRef) -> str:
    organization = clean(str(inbox.config.get("sender_name", "")))
    return f"{outgoing.author_name} ({organization})" if organization and outgoing.author_name else outgoing.author_name or organization


def _hand_over(content: bytes, *, sender: str, recipient: str) -> None:
    try:
        with _connection() as connection:
            connection.sendmail(sender, [recipient], content)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients.get(recipient, (550, b""))
        raise _refused(code, text) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPException as error:
        raise HandOverFailed("The mail server did not answer as expected", is_permanent=False) from error
    except (OSError, ssl.SSLError) as error:
        raise HandOverFailed("The mail server cannot be reached", is_permanent=False) from error


def _connection() -> smtplib.SMTP:
    """A session with the relay: `smtp://` or `smtps://`, credentials in the URL, `?starttls=1` to demand TLS."""
    url = urlsplit(settings.ATENDE_SMTP_OUT_URL)
    host, name = url.hostname or "127.0.0.1", settings.ATENDE_BASE_HOST
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if url.scheme == "smtps":
        connection = smtplib.SMTP_SSL(host, url.port or 465, local_hostname=name, timeout=SMTP_TIMEOUT_SECONDS, context=context)
    else:
        connection = smtplib.SMTP(host, url.port or 25, local_hostname=name, timeout=SMTP_TIMEOUT_SECONDS)
    try:
        if "starttls=1" in url.query.split("&"):
            connection.starttls(context=context)
        if url.username:
            connection.login(unquote(url.username), unquote(url.password or ""))
    except (smtplib.SMTPException, OSError):
        connection.close()
        raise
    return connection


def _refused(code: int, text: bytes | str) -> HandOverFailed:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    is_permanent = 500 <= code < 600 and code not in CONNECT_PERMANENT
    return HandOverFailed(f"The mail server refused: {code} {clean(said)}"[:300], is_permanent=is_permanent)

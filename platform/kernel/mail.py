"""Handing mail to the outgoing server named by ATENDE_SMTP_OUT_URL, and plain notices of the platform itself."""

import smtplib
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from django.conf import settings

from kernel import tenancy

TIMEOUT_SECONDS = 20


def connect() -> smtplib.SMTP:
    """A session with the outgoing server. Schemes: `smtp`, `smtp+tls` (STARTTLS), `smtps`. Raises OSError or SMTPException.

    Inside a tenant that nothing may leave no session begins: the second fence, behind the one where deliveries are claimed.
    """
    scope = tenancy.current_scope_or_none()
    if scope is not None and scope.tenant is not None and scope.tenant.is_outward_paused:
        raise PermissionError("Nothing may leave this tenant")
    url = urlsplit(settings.ATENDE_SMTP_OUT_URL)
    host, port = url.hostname or "127.0.0.1", url.port or 25
    session = (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS)
        if url.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    )
    if url.scheme == "smtp+tls":
        session.starttls()
    if url.username:
        session.login(unquote(url.username), unquote(url.password or ""))
    return session


def send_notice(*, to: str, subject: str, text: str) -> None:
    """Sends a plain-text notice from the platform, marked as machine mail (RFC 3834). Raises OSError or SMTPException."""
    message = EmailMessage()
    message["From"] = f"Atende <no-reply@{settings.ATENDE_BASE_HOST}>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=settings.ATENDE_BASE_HOST)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text)
    with connect() as session:
        session.send_message(message)

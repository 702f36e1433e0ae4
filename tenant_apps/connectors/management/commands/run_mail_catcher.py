"""manage.py run_mail_catcher: takes the demo's outgoing mail and keeps it in files."""

import asyncio
import contextlib
import signal
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenant_apps.connectors import catcher
from tenant_apps.connectors.smtp_server import serve

_log = structlog.get_logger(__name__)


class CatcherHandler:
    """Accepts every mail for anybody."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Writes one pair of files for each recipient."""
        raw = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            await asyncio.to_thread(catcher.store, raw, recipient=recipient)
        return "250 2.0.0 Caught"


class Command(BaseCommand):
    """Listens where ATENDE_SMTP_OUT_URL points to. Only for demos: a production installation has a real relay."""

    help = "Catches outgoing mail of a demo; read it at /dev/mail/"

    def handle(self, *_args: Any, **_options: Any) -> None:  # Any: Django's signature
        """Runs until SIGTERM or SIGINT."""
        if settings.IS_PRODUCTION or not settings.ATENDE_DEMO:
            raise CommandError("The mail catcher runs in a demo only: set ATENDE_DEMO=1, and never in production")
        asyncio.run(_run())


async def _run() -> None:
    url = urlsplit(settings.ATENDE_SMTP_OUT_URL)
    host, port = url.hostname or "127.0.0.1", url.port or 25
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = await serve(CatcherHandler(), host=host, port=port, hostname="catcher.localhost", max_bytes=50 * 1024 * 1024)
    _log.info("catcher.listening", host=host, port=port)
    await stopping.wait()
    server.close()

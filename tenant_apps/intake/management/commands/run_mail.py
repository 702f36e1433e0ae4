"""manage.py run_mail: the SMTP listener as a process of its own."""

import asyncio
import contextlib
import signal
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from kernel import metrics

from tenant_apps.connectors.smtp_server import serve
from tenant_apps.intake.listener import MailHandler

_log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Listens on ATENDE_SMTP_HOST and ATENDE_SMTP_PORT until it is told to stop; a mail being stored is finished first."""

    help = "Receives mail over SMTP and stores it for the tenants' inboxes"

    def handle(self, *_args: Any, **_options: Any) -> None:  # Any: Django's signature
        """Runs until SIGTERM or SIGINT."""
        metrics.serve(settings.ATENDE_METRICS_PORT)
        asyncio.run(_run())


async def _run() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    handler = MailHandler()
    server = await serve(
        handler,
        host=settings.ATENDE_SMTP_HOST,
        port=settings.ATENDE_SMTP_PORT,
        hostname=settings.ATENDE_BASE_HOST,
        max_bytes=settings.ATENDE_MAIL_MAX_BYTES,
    )
    _log.info("mail.listening", host=settings.ATENDE_SMTP_HOST, port=settings.ATENDE_SMTP_PORT)
    await stopping.wait()
    server.close()
    await asyncio.get_running_loop().run_in_executor(None, handler.close)
    _log.info("mail.stopped")

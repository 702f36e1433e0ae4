"""A real SMTP server on a free loopback port, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tenant_apps.connectors.smtp_server import serve


@contextmanager
def running(handler, *, max_bytes: int = 25 * 1024 * 1024) -> Iterator[int]:
    """Serves the handler; yields the port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve(handler, host="127.0.0.1", port=0, hostname="mx.test", max_bytes=max_bytes))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="smtp", daemon=True)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class Relay:
    """An outside mail server that keeps what it accepts and answers what it is told."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.rcpt_answer = ""
        self.data_answer = ""

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd's name)
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (as above)
        if self.data_answer:
            return self.data_answer
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return "250 OK"

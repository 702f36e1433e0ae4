"""An SMTP server that stays small under abuse: bounded lines, commands, time and connections; it names no version."""

import asyncio
import logging
from collections import Counter
from typing import Any, Final

from aiosmtpd.smtp import SMTP

LINE_BYTES: Final = 64 * 1024  # the standard allows 1,000; some programs write whole HTML pages on one line
IDLE_SECONDS: Final = 120.0
MAX_CONNECTIONS: Final = 200
MAX_CONNECTIONS_PER_PEER: Final = 50
MAX_RECIPIENTS: Final = 100
COMMAND_LIMITS: Final = {"MAIL": 1_000, "RCPT": 5_000, "DATA": 1_000, "RSET": 1_000, "*": 50}

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd logs addresses and whole command lines


class Connections:
    """Counts the open connections of one server."""

    def __init__(self) -> None:
        self._by_peer: Counter[str] = Counter()

    def enter(self, peer: str) -> bool:
        """Counts one in; False where there are too many."""
        if self._by_peer.total() >= MAX_CONNECTIONS or self._by_peer[peer] >= MAX_CONNECTIONS_PER_PEER:
            return False
        self._by_peer[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Counts one out."""
        self._by_peer[peer] -= 1
        if self._by_peer[peer] <= 0:
            del self._by_peer[peer]


class BoundedSMTP(SMTP):
    """aiosmtpd's server with our limits. A connection beyond them hears 421 and is closed."""

    line_length_limit = LINE_BYTES

    def __init__(self, handler: Any, connections: Connections, *, hostname: str, max_bytes: int) -> None:  # Any: aiosmtpd's handler
        super().__init__(
            handler,
            data_size_limit=max_bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="ESMTP",
            timeout=IDLE_SECONDS,
            command_call_limit=dict(COMMAND_LIMITS),
            loop=asyncio.get_running_loop(),
        )
        self._connections = connections
        self._counted_peer: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._connections.enter(peer):
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(b"421 4.7.0 Too many connections, try again later\r\n")
                transport.close()
            return
        self._counted_peer = peer
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._counted_peer is None:
            return
        self._connections.leave(self._counted_peer)
        self._counted_peer = None
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._counted_peer is not None else False

    def data_received(self, data: bytes) -> None:
        if self._counted_peer is not None:
            super().data_received(data)


async def serve(handler: Any, *, host: str, port: int, hostname: str, max_bytes: int) -> asyncio.Server:  # Any: aiosmtpd's handler
    """Listens; the caller closes the server."""
    connections = Connections()
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: BoundedSMTP(handler, connections, hostname=hostname, max_bytes=max_bytes), host, port, reuse_address=True
    )

"""One open socket: who listens, how far it has come, and the queue that its writer empties."""

import asyncio
import dataclasses
import uuid
from enum import IntEnum
from typing import Literal

from tenant_apps.access.reach import Access

QUEUE_LIMIT = 1000


class CloseCode(IntEnum):
    """Why we close a socket; the reason text says the same in words."""

    BAD_FRAME = 4000
    SIGN_IN_AGAIN = 4001
    SUSPENDED = 4003
    WRONG_ORIGIN = 4004
    TOO_SLOW = 4008
    RESTARTING = 4012
    UPGRADING = 4013


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Who opened the socket, and by what: a session or an API key that must go on existing."""

    user_id: int
    access: Access
    language: str
    session_key: str = ""
    key_id: uuid.UUID | None = None


@dataclasses.dataclass(eq=False, slots=True)
class Socket:
    """A listener. `last_seq` only grows; `is_ready` turns true when the missed events have been queued."""

    identity: Identity
    format: Literal["json", "html"] = "json"
    ticket_id: uuid.UUID | None = None
    last_seq: int = 0
    is_ready: bool = False
    closing: tuple[CloseCode, str] | None = None
    queue: "asyncio.Queue[str | None]" = dataclasses.field(default_factory=lambda: asyncio.Queue(QUEUE_LIMIT))

    def push(self, text: str) -> None:
        """Queues a frame; a reader that is a thousand frames behind is cut off, for it can resume."""
        if self.closing is not None:
            return
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.close(CloseCode.TOO_SLOW, "too slow, resume with your last seq")

    def close(self, code: CloseCode, reason: str) -> None:
        """Asks the writer to close; what is still queued is dropped."""
        if self.closing is not None:
            return
        self.closing = (code, reason)
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

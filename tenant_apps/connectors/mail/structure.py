"""Mail bytes to a tree of parts by the fast compat32 parser, which is stopped as soon as the structure exceeds a limit."""

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

from tenant_apps.connectors.mail.errors import UnreadableMail

MAX_PARTS: Final = 500
MAX_DEPTH: Final = 30
MAX_HEADERS: Final = 5_000
MAX_STRAY_LINES: Final = 5

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_FIELD_NAME: Final = re.compile(rb"[!-9;-~]+[ \t]*:")
_FIELD_LINE: Final = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]")


def read_structure(raw: bytes) -> Message:
    """The root part. Raises UnreadableMail for too many parts, levels or header fields."""
    budget = _Budget()
    return BytesParser(lambda *_args, **_kwargs: _Part(budget), policy=compat32).parsebytes(_mended(raw))


def _mended(raw: bytes) -> bytes:
    """The mail without the few stray lines among its header fields that would make the parser take the rest for the body."""
    end = _BLANK_LINE.search(raw, 0, 262_144)
    if end is None:
        return raw
    lines = raw[: end.start()].split(b"\n")
    strays = [number for number, line in enumerate(lines) if number and not _FIELD_LINE.match(line)]
    if not strays or len(strays) > MAX_STRAY_LINES or any(not _FIELD_NAME.match(line) for line in _following(lines, strays)):
        return raw
    return b"\n".join(line for number, line in enumerate(lines) if number not in strays) + raw[end.start() :]


def _following(lines: list[bytes], numbers: list[int]) -> list[bytes]:
    return [lines[number + 1] if number + 1 < len(lines) else b"" for number in numbers]


class _Budget:
    """Parts and header fields one mail may still use."""

    def __init__(self) -> None:
        self.parts = MAX_PARTS
        self.headers = MAX_HEADERS


class _Part(Message):
    """A message part that counts while the parser builds it, so that a hostile structure stops the parser at once."""

    def __init__(self, budget: _Budget) -> None:
        super().__init__(compat32)
        self._budget = budget
        self._depth = 0
        budget.parts -= 1
        if budget.parts < 0:
            raise UnreadableMail("too_many_parts")

    def set_raw(self, name: str, value: str) -> None:
        self._budget.headers -= 1
        if self._budget.headers < 0:
            raise UnreadableMail("too_many_headers")
        super().set_raw(name, value)

    def attach(self, payload: Message) -> None:  # type: ignore[override]  # narrower than the stub: the parser attaches parts only
        payload._depth = self._depth + 1  # type: ignore[attr-defined]
        if self._depth >= MAX_DEPTH:
            raise UnreadableMail("too_deep")
        super().attach(payload)

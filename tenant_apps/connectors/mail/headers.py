"""Header fields decoded by hand: unfolding, encoded words (RFC 2047), message ids, dates."""

import base64
import binascii
import datetime
import re
from email.utils import parsedate_to_datetime
from typing import Final

from tenant_apps.connectors.mail.charset import decode, storable

MAX_FIELD: Final = 65_536
MAX_MESSAGE_ID: Final = 512
MAX_REFERENCES: Final = 100

_ENCODED_WORD: Final = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*)\?=")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
_SPACES: Final = re.compile(r"\s+")
_MESSAGE_ID: Final = re.compile(r"<([^<>]{1,2000})>")


def clean(text: str) -> str:
    """One line: no control characters, no line or paragraph separators, no direction marks, no runs of spaces."""
    return _SPACES.sub(" ", _CONTROLS.sub(" ", text)).strip()


def decode_field(raw: str) -> str:
    """The readable text of a field whose raw value may hold encoded words, raw 8-bit bytes, or both wrongly made."""
    return clean(decode_words(raw))


def decode_words(raw: str) -> str:
    """Encoded words decoded and joined, everything else kept; control characters are still in it."""
    raw = with_eight_bit_text(raw[:MAX_FIELD])
    if "=?" not in raw:
        return raw
    parts: list[str] = []
    pending: tuple[str, bytes] | None = None
    position = 0
    for match in _ENCODED_WORD.finditer(raw):
        between = raw[position : match.start()]
        content = _word_bytes(match[2], match[3])
        if pending and not between.strip():
            between = ""
        if pending and (between or pending[0] != match[1].lower()):
            parts.append(decode(pending[1], pending[0]))
            pending = None
        parts.append(between)
        # Words of one charset are joined as bytes: senders split multi-byte characters between them.
        pending = (match[1].lower(), pending[1] + content if pending else content)
        position = match.end()
    if pending:
        parts.append(decode(pending[1], pending[0]))
    parts.append(raw[position:])
    return "".join(parts)


def message_ids(raw: str) -> tuple[str, ...]:
    """The ids of a Message-ID, In-Reply-To or References field without brackets, in order, without repeats."""
    raw = with_eight_bit_text(raw[:MAX_FIELD])
    found = [re.sub(r"\s+", "", item) for item in _MESSAGE_ID.findall(raw)]
    if not found:
        found = [item.strip("<>,;\"'") for item in raw.split() if "@" in item]
    ids = list(dict.fromkeys(clean(item) for item in found if 0 < len(item) <= MAX_MESSAGE_ID))
    return tuple(ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]])


def date(raw: str) -> datetime.datetime | None:
    """The instant in UTC, or None where the field is missing, unreadable or absurd."""
    try:
        moment = parsedate_to_datetime(clean(with_eight_bit_text(raw[:200])))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        moment = moment.astimezone(datetime.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if 1980 <= moment.year <= 2200 else None


def with_eight_bit_text(raw: str) -> str:
    """The standard library keeps raw bytes in headers as surrogate escapes; here they become text again."""
    if raw.isascii():
        return raw
    try:
        return decode(raw.encode("utf-8", "surrogateescape"), None)
    except UnicodeEncodeError:
        return storable(raw)


def _word_bytes(encoding: str, text: str) -> bytes:
    if encoding in "bB":
        return decode_base64(text)
    return binascii.a2b_qp(text.replace(" ", "_").encode("utf-8", "replace"), header=True)


def decode_base64(text: str) -> bytes:
    """Base64 without complaint: stray characters skipped, missing padding added."""
    letters = re.sub(r"[^A-Za-z0-9+/]", "", text)
    try:
        return base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + "==")
    except binascii.Error:
        return b""

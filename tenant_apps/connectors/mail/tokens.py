"""Signed reply addresses and Message-IDs: how an answer finds its conversation without trusting anything the sender chose.

The MAC is HMAC-SHA256 cut to 100 bits (80 in an address whose local part leaves no room), written in base32, which survives
mail systems that change the case. Keys belong to one tenant; the first of several signs, all of them verify, so that two live
side by side while a key is being replaced. A token gives threading, never authority.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Sequence
from typing import Final

from tenant_apps.connectors.mail.address import split_plus

MAC_LENGTH: Final = 20
MIN_MAC_LENGTH: Final = 16
MAX_LOCAL_PART: Final = 64
_ID_LENGTH: Final = 26
_REPLY_TAG: Final = re.compile(r"([a-z2-7]{26})\.([a-z2-7]{16,20})")
_MESSAGE_ID: Final = re.compile(r"([a-z2-7]{26})\.([a-z2-7]{20})@[^@\s]+")


def reply_address(inbox_address: str, conversation_id: uuid.UUID, *, key: bytes) -> str:
    """`local+<conversation>.<mac>@domain`; the plain address where the local part is too long for a token."""
    local, _, domain = inbox_address.rpartition("@")
    room = MAX_LOCAL_PART - len(local) - _ID_LENGTH - len("+.")
    if room < MIN_MAC_LENGTH:
        return inbox_address
    conversation = _encode_id(conversation_id)
    mac = _mac(key, "reply", inbox_address.lower(), conversation)[: min(room, MAC_LENGTH)]
    return f"{local}+{conversation}.{mac}@{domain}"


def conversation_of_address(address: str, *, keys: Sequence[bytes]) -> uuid.UUID | None:
    """The conversation a recipient's address was signed for, or None where it carries no valid token."""
    base, tag = split_plus(address.lower())
    match = _REPLY_TAG.fullmatch(tag)
    if match is None:
        return None
    length = min(MAX_LOCAL_PART - len(base.rpartition("@")[0]) - _ID_LENGTH - len("+."), MAC_LENGTH)
    if len(match[2]) != length or not _is_signed(keys, match[2], "reply", base, match[1]):
        return None
    return _decode_id(match[1])


def message_id(message: uuid.UUID, *, domain: str, key: bytes) -> str:
    """`<message>.<mac>@domain`, without brackets; the same for the same message, whenever it is asked."""
    own = _encode_id(message)
    return f"{own}.{_mac(key, 'message', own)[:MAC_LENGTH]}@{domain}"


def message_of_id(value: str, *, keys: Sequence[bytes]) -> uuid.UUID | None:
    """The message one of our own Message-IDs was signed for, or None for anything else."""
    match = _MESSAGE_ID.fullmatch(value.strip().strip("<>").lower())
    if match is None or not _is_signed(keys, match[2], "message", match[1]):
        return None
    return _decode_id(match[1])


def _mac(key: bytes, *parts: str) -> str:
    digest = hmac.new(key, "|".join(parts).encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode("ascii").lower()


def _is_signed(keys: Sequence[bytes], mac: str, *parts: str) -> bool:
    """Compared in constant time against every live key."""
    matches = [hmac.compare_digest(_mac(key, *parts)[: len(mac)].encode(), mac.encode()) for key in keys]
    return any(matches)


def _encode_id(value: uuid.UUID) -> str:
    return base64.b32encode(value.bytes).decode("ascii").rstrip("=").lower()


def _decode_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(bytes=base64.b32decode(f"{text.upper()}======"))
    except (binascii.Error, ValueError):
        return None

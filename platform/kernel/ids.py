"""Identifiers: UUIDv7 outside, so that ids sort by time and reveal no counter."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562)."""
    return uuid7()

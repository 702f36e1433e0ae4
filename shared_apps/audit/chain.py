"""The hash chain: what of an entry is hashed, and under whose key."""

import functools
import hashlib
import hmac
from typing import Any, Final

import orjson
from kernel import crypto

from shared_apps.audit.models import AuditEntry, Outcome

GENESIS: Final = b"\x00" * 32
IMPORTED: Final = "audit.imported"
PRUNED: Final = "audit.pruned"


def entry_hash(entry: AuditEntry, previous: bytes, owner: str) -> bytes:
    """HMAC under the key of `owner` (a tenant's id or `public`) over its name, the number, the hash before and the canonical row."""
    message = b"|".join([owner.encode(), str(entry.n).encode(), previous, canonical(entry)])
    return hmac.new(_key(owner), message, hashlib.sha256).digest()


def sealed_row(entry: AuditEntry) -> bytes:
    """All of an entry as bytes, hashes included: what the digest of an import's boundary is taken over."""
    return b"|".join([str(entry.n).encode(), bytes(entry.previous_hash), bytes(entry.hash), canonical(entry), b"\n"])


def canonical(entry: AuditEntry) -> bytes:
    """The row as bytes, by the form that its `version` names: 1 is what was written before there were outcomes."""
    form = _first_form(entry)
    if entry.version != 1:
        form |= {"v": entry.version, "outcome": str(entry.outcome)}
    return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)


def is_well_formed(entry: AuditEntry) -> bool:
    """Whether what the canonical form does not cover has the only value it can have."""
    return entry.version == 2 or (entry.version == 1 and entry.outcome == Outcome.DONE)


@functools.lru_cache(maxsize=64)
def _key(owner: str) -> bytes:
    return crypto.derive_key("audit", owner=owner)


def _first_form(entry: AuditEntry) -> dict[str, Any]:  # Any: JSON
    return {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "object": [entry.object_type, str(entry.object_id)],
        "changes": entry.changes,
        "ip": entry.ip,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
    }

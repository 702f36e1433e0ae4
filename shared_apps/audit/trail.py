"""Writing and checking the audit trail's hash chain."""

import hashlib
import hmac
from typing import Any

import orjson
from kernel import crypto, tenancy
from kernel.db.routing import connection_in_scope
from kernel.uow import AuditRecord, Buffer, stamped

from shared_apps.audit.models import AuditEntry

GENESIS = b"\x00" * 32
_CHAIN_LOCK = "SELECT n, hash FROM audit_auditentry ORDER BY n DESC LIMIT 1"


def flush_entries(buffer: Buffer) -> None:
    """Appends the buffered entries to the chain.

    The flush of the events has locked the counter row where there were events; the same row is locked here, so that two
    transactions can never continue the chain from the same entry.
    """
    if not buffer.audits:
        return
    with connection_in_scope().cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_counter (id, last_seq) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET last_seq = events_counter.last_seq"
        )
        cursor.execute(_CHAIN_LOCK)
        head = cursor.fetchone()
    n, previous = (int(head[0]), bytes(head[1])) if head else (0, GENESIS)
    shared = stamped(buffer)
    entries = []
    for audit in buffer.audits:
        entry = _entry(n + 1, audit, shared, previous)
        n, previous = entry.n, bytes(entry.hash)
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)


def first_broken_entry() -> int | None:
    """Walks the chain of the schema in scope. Returns the number of the first entry that is missing or altered, or None."""
    expected, previous = 1, GENESIS
    for entry in AuditEntry.objects.order_by("n").iterator(chunk_size=500):
        if entry.n != expected or bytes(entry.previous_hash) != previous or bytes(entry.hash) != _hash(entry, previous):
            return expected
        expected, previous = entry.n + 1, bytes(entry.hash)
    return None


def _entry(n: int, audit: AuditRecord, shared: dict[str, Any], previous: bytes) -> AuditEntry:  # Any: JSON
    entry = AuditEntry(
        n=n,
        at=shared["at"],
        actor=shared["actor"],
        action=audit.action,
        object_type=audit.object_type,
        object_id=audit.object_id,
        changes=audit.changes,
        ip=shared["origin"].ip,
        user_agent=shared["origin"].user_agent[:200],
        request_id=shared["origin"].request_id,
        previous_hash=previous,
    )
    entry.hash = _hash(entry, previous)
    return entry


def _hash(entry: AuditEntry, previous: bytes) -> bytes:
    row = orjson.dumps(
        {
            "at": entry.at.isoformat(),
            "actor": entry.actor,
            "action": entry.action,
            "object": [entry.object_type, str(entry.object_id)],
            "changes": entry.changes,
            "ip": entry.ip,
            "user_agent": entry.user_agent,
            "request_id": entry.request_id,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    message = b"|".join([tenancy.scope_key().encode(), str(entry.n).encode(), previous, row])
    return hmac.new(crypto.derive_key("audit"), message, hashlib.sha256).digest()

"""Writing and checking the audit trail's hash chain."""

import dataclasses
import hashlib
import hmac
import uuid
from typing import Any

import orjson
from kernel import crypto, tenancy
from kernel.db.routing import connection_in_scope
from kernel.uow import AuditRecord, Buffer, record_audit, stamped

from shared_apps.audit.models import AuditEntry

GENESIS = b"\x00" * 32
IMPORTED = "audit.imported"
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
    """Walks the chain of the schema in scope. Returns the number of the first entry that is missing or altered, or None.

    Entries before a boundary (`audit.imported`) were written for the tenant that was exported: with the same secret key they are
    checked one by one under that tenant's key, otherwise by their links and the digest that the boundary holds over all of them.
    """
    segments = _segments()
    expected, previous, seen, is_named = 1, GENESIS, hashlib.sha256(), True
    for entry in AuditEntry.objects.order_by("n").iterator(chunk_size=500):
        while segments and entry.n > segments[0].last:
            segments.pop(0)
        owner = segments[0] if segments else _Segment(last=0, owner=tenancy.scope_key(), is_ours=True)
        if entry.n != expected or bytes(entry.previous_hash) != previous:
            return expected
        if owner.is_ours and bytes(entry.hash) != _hash(entry, previous, owner.owner):
            return expected
        if entry.action == IMPORTED and entry.changes.get("digest") != seen.hexdigest():
            return expected if is_named else 1  # one of those before it, and their hashes cannot tell which
        seen.update(_sealed_row(entry))
        expected, previous, is_named = entry.n + 1, bytes(entry.hash), owner.is_ours
    return None


def head() -> dict[str, Any]:  # Any: JSON
    """How long the chain is, and its last hash."""
    last = AuditEntry.objects.order_by("-n").first()
    return {"entries": last.n if last else 0, "head": bytes(last.hash).hex() if last else ""}


def begin_after_import(*, tenant_id: uuid.UUID, origin: uuid.UUID, is_ours: bool) -> None:
    """Sets the boundary behind entries that were copied from another tenant; in the caller's unit of work, before any other entry.

    It continues the copied head, holds a digest over all that stands before it, and names whose key those entries have (`is_ours`: a
    key of this installation).
    """
    seen, count = hashlib.sha256(), 0
    for entry in AuditEntry.objects.order_by("n").iterator(chunk_size=500):
        seen.update(_sealed_row(entry))
        count = entry.n
    changes = {"origin": str(origin), "is_ours": is_ours, "entries": count, "digest": seen.hexdigest()}
    record_audit(action=IMPORTED, object_type="tenant", object_id=tenant_id, changes=changes)


@dataclasses.dataclass(frozen=True, slots=True)
class _Segment:
    """The entries up to `last` carry the hashes of the tenant `owner`."""

    last: int
    owner: str
    is_ours: bool


def _segments() -> list[_Segment]:
    boundaries = AuditEntry.objects.filter(action=IMPORTED).order_by("n").values_list("n", "changes")
    found = [_Segment(n - 1, str(changes.get("origin")), bool(changes.get("is_ours"))) for n, changes in boundaries]
    # What came here from elsewhere had come there from somewhere: before a foreign boundary nothing is ours.
    for position in range(len(found) - 2, -1, -1):
        if not found[position + 1].is_ours:
            found[position] = dataclasses.replace(found[position], is_ours=False)
    return found


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
    entry.hash = _hash(entry, previous, tenancy.scope_key())
    return entry


def _hash(entry: AuditEntry, previous: bytes, owner: str) -> bytes:
    message = b"|".join([owner.encode(), str(entry.n).encode(), previous, _canonical(entry)])
    return hmac.new(crypto.derive_key("audit", owner=owner), message, hashlib.sha256).digest()


def _sealed_row(entry: AuditEntry) -> bytes:
    return b"|".join([str(entry.n).encode(), bytes(entry.previous_hash), bytes(entry.hash), _canonical(entry), b"\n"])


def _canonical(entry: AuditEntry) -> bytes:
    return orjson.dumps(
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

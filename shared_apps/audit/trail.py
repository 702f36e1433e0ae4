"""Writing the audit trail: the flush that continues the chain, and the boundary behind entries that came from elsewhere."""

import hashlib
import uuid
from typing import Any

from kernel import tenancy
from kernel.db.routing import connection_in_scope
from kernel.uow import AuditRecord, Buffer, record_audit, stamped

from shared_apps.audit.chain import GENESIS, IMPORTED, entry_hash, sealed_row
from shared_apps.audit.models import AuditEntry
from shared_apps.audit.verifying import entries_in_order, verify

_HEAD = "SELECT n, hash FROM audit_auditentry ORDER BY n DESC LIMIT 1"


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
        cursor.execute(_HEAD)
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
    """The number of the first entry of the schema in scope that is missing or altered, or None. Anchors are not asked."""
    return verify().broken_at


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
    for entry in entries_in_order():
        seen.update(sealed_row(entry))
        count = entry.n
    changes = {"origin": str(origin), "is_ours": is_ours, "entries": count, "digest": seen.hexdigest()}
    record_audit(action=IMPORTED, object_type="tenant", object_id=tenant_id, changes=changes)


def _entry(n: int, audit: AuditRecord, shared: dict[str, Any], previous: bytes) -> AuditEntry:  # Any: JSON
    entry = AuditEntry(
        n=n,
        at=shared["at"],
        actor=shared["principal"],
        action=audit.action,
        object_type=audit.object_type,
        object_id=audit.object_id,
        changes=audit.changes,
        outcome=audit.outcome,
        ip=shared["origin"].ip,
        user_agent=shared["origin"].user_agent[:200],
        request_id=shared["origin"].request_id,
        previous_hash=previous,
    )
    entry.hash = entry_hash(entry, previous, tenancy.scope_key())
    return entry

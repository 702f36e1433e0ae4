"""Writing the log: the flush that gives events their numbers, and the hint that follows the commit."""

from django.db import models
from kernel import hints, tenancy
from kernel.consumers import consumed_types
from kernel.db.routing import connection_in_scope
from kernel.ids import new_id
from kernel.tasks import send
from kernel.uow import Buffer, after_commit, stamped

from shared_apps.events.models import Counter, Event


def flush_events(buffer: Buffer) -> None:
    """Locks the counter, numbers the buffered events, inserts them. The lock is held until the commit that follows."""
    if not buffer.events:
        return
    last = _take_numbers(len(buffer.events))
    shared = stamped(buffer)
    first = last - len(buffer.events) + 1
    Event.objects.bulk_create(
        [
            Event(
                seq=first + position,
                id=new_id(),
                type=event.type,
                version=event.version,
                aggregate_type=event.aggregate_type,
                aggregate_id=event.aggregate_id,
                actor=shared["actor"],
                cause=shared["cause"],
                occurred_at=shared["at"],
                request_id=shared["origin"].request_id,
                data=event.data(),
            )
            for position, event in enumerate(buffer.events)
        ]
    )
    tenant = tenancy.current_scope().tenant
    if tenant is not None:
        has_consumers = not consumed_types().isdisjoint(event.type for event in buffer.events)
        after_commit(lambda: _hint(tenant, last, has_consumers))


def _hint(tenant: tenancy.TenantRef, last: int, has_consumers: bool) -> None:
    hints.announce(tenant, last)
    if has_consumers:
        send("shared_apps.events.tasks.run_consumers", "default", tenant_id=str(tenant.id))


def _take_numbers(count: int) -> int:
    with connection_in_scope().cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_counter (id, last_seq) VALUES (1, %s) "
            "ON CONFLICT (id) DO UPDATE SET last_seq = events_counter.last_seq + %s RETURNING last_seq",
            [count, count],
        )
        row = cursor.fetchone()
    return int(row[0])


def last_seq() -> int:
    """The newest sequence number of the schema in scope; 0 for an empty log."""
    return Counter.objects.aggregate(last=models.Max("last_seq"))["last"] or 0

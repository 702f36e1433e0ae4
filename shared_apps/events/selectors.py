"""Reads of the event log of the schema in scope."""

import uuid
from collections.abc import Sequence

from kernel.events import StoredEvent

from shared_apps.events.models import Event


def events_between(
    after: int, upto: int | None = None, *, types: Sequence[str] | None = None, limit: int | None = None
) -> list[StoredEvent]:
    """Events with `after < seq <= upto`, in order, optionally of some types only."""
    rows = Event.objects.filter(seq__gt=after)
    if upto is not None:
        rows = rows.filter(seq__lte=upto)
    if types is not None:
        rows = rows.filter(type__in=types)
    return [_stored(row) for row in rows.order_by("seq")[:limit]]


def events_of(aggregate_type: str, aggregate_id: uuid.UUID, *, limit: int = 500) -> list[StoredEvent]:
    """The history of one object, oldest first; at most the newest `limit` events of it."""
    rows = Event.objects.filter(aggregate_type=aggregate_type, aggregate_id=aggregate_id).order_by("-seq")[:limit]
    return [_stored(row) for row in reversed(rows)]


def oldest_seq() -> int:
    """The first sequence number still in the log; 0 for an empty log."""
    return Event.objects.order_by("seq").values_list("seq", flat=True).first() or 0


def _stored(row: Event) -> StoredEvent:
    return StoredEvent(
        seq=row.seq,
        id=row.id,
        type=row.type,
        version=row.version,
        aggregate_type=row.aggregate_type,
        aggregate_id=row.aggregate_id,
        actor=row.actor,
        cause=row.cause,
        occurred_at=row.occurred_at,
        request_id=row.request_id,
        data=row.data,
    )

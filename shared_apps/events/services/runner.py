"""Runs the consumers of one tenant: each is a cursor over the log, held by one worker at a time."""

import datetime

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from kernel import metrics
from kernel.actors import SYSTEM, acting_as
from kernel.clock import now
from kernel.consumers import ConsumerSpec, all_consumers
from kernel.events import StoredEvent
from kernel.uow import caused_by, unit_of_work

from shared_apps.events.log import last_seq
from shared_apps.events.models import Consumer, ParkedEvent
from shared_apps.events.selectors import events_between

LEASE = datetime.timedelta(seconds=30)
BATCH = 200
MAX_FAILURES = 5
_UNREACHABLE = (OperationalError, InterfaceError)  # the database is away: nobody's fault, so nothing is counted
_log = structlog.get_logger(__name__)


class LeaseLost(RuntimeError):
    """Another worker has taken the consumer over; this one must stop."""


class HandlerFailed(RuntimeError):
    """A handler raised; the same event is tried again in the next run."""

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq


def is_behind() -> bool:
    """Whether any consumer of the schema in scope has events to read."""
    names = list(all_consumers())
    if not names:
        return False
    newest = last_seq()
    cursors = dict(Consumer.objects.filter(name__in=names).values_list("name", "last_seq"))
    return any(cursors.get(name, 0) < newest for name in names)


def run_consumers() -> int:
    """Lets every consumer read to the end of the log. Returns the number of events handled."""
    return sum(_run(spec) for spec in all_consumers().values())


def replay_parked(*, parked: ParkedEvent) -> None:
    """Hands a parked event to its consumer once more. Raises what the handler raises."""
    spec = all_consumers()[parked.consumer]
    for event in events_between(parked.seq - 1, parked.seq):
        with unit_of_work(), acting_as(SYSTEM):
            _hand_over(spec, event)
            ParkedEvent.objects.filter(pk=parked.pk).update(replayed_at=now())


def _run(spec: ConsumerSpec) -> int:
    cursor = _claim(spec.name)
    if cursor is None:
        return 0
    handled = 0
    try:
        while cursor.last_seq < (newest := last_seq()):
            upper = min(newest, cursor.last_seq + BATCH)
            for event in events_between(cursor.last_seq, upper, types=list(spec.handlers)):
                _handle(spec, event, cursor)
                handled += 1
            with unit_of_work():
                _advance(cursor, upper)
    except LeaseLost:
        return handled
    except HandlerFailed as failure:
        _log.warning("consumer.failed", consumer=spec.name, seq=failure.seq, error=type(failure.__cause__).__name__)
        metrics.EVENTS_HANDLED.labels(spec.name, "failed").inc()
    except _UNREACHABLE as error:
        _log.warning("consumer.interrupted", consumer=spec.name, error=type(error).__name__)
        return handled
    _release(cursor)
    return handled


def _claim(name: str) -> Consumer | None:
    """The consumer's row with a new fence, or None where another worker holds it."""
    Consumer.objects.get_or_create(name=name)
    taken = Consumer.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now()), name=name).update(
        lease_until=now() + LEASE, fence=F("fence") + 1
    )
    return Consumer.objects.get(name=name) if taken else None


def _handle(spec: ConsumerSpec, event: StoredEvent, cursor: Consumer) -> None:
    try:
        with caused_by({"root": event.cause.get("root"), "depth": int(event.cause.get("depth", 0)) + 1}), unit_of_work():
            _hand_over(spec, event)
            _advance(cursor, event.seq)
    except (LeaseLost, *_UNREACHABLE):
        raise
    except Exception as error:  # noqa: BLE001 (the consumer edge: counted on the cursor, parked after MAX_FAILURES)
        _count_failure(spec, event, cursor, error)
    else:
        metrics.EVENTS_HANDLED.labels(spec.name, "handled").inc()


def _count_failure(spec: ConsumerSpec, event: StoredEvent, cursor: Consumer, error: Exception) -> None:
    """Raises HandlerFailed while there are tries left; then parks the event and moves on."""
    cursor.failures += 1
    Consumer.objects.filter(name=spec.name, fence=cursor.fence).update(failures=cursor.failures)
    if cursor.failures < MAX_FAILURES:
        raise HandlerFailed(event.seq) from error
    with unit_of_work():
        ParkedEvent.objects.get_or_create(consumer=spec.name, seq=event.seq, defaults={"error": f"{type(error).__name__}: {error}"[:2000]})
        _advance(cursor, event.seq)
    metrics.EVENTS_HANDLED.labels(spec.name, "parked").inc()
    _log.warning("consumer.parked", consumer=spec.name, seq=event.seq)


def _hand_over(spec: ConsumerSpec, event: StoredEvent) -> None:
    for handler in spec.handlers.get(event.type, []):
        handler(event)


def _advance(cursor: Consumer, seq: int) -> None:
    """Moves the cursor in the caller's transaction, only while the fence is ours. Raises LeaseLost."""
    moved = Consumer.objects.filter(name=cursor.name, fence=cursor.fence).update(last_seq=seq, lease_until=now() + LEASE, failures=0)
    if not moved:
        raise LeaseLost(cursor.name)
    cursor.last_seq, cursor.failures = seq, 0


def _release(cursor: Consumer) -> None:
    Consumer.objects.filter(name=cursor.name, fence=cursor.fence).update(lease_until=None)

"""The unit of work: one transaction whose events and audit entries are flushed just before it commits.

Guarantees: events get gap-free sequence numbers in commit order, because the counter row is locked only in the flush
and held until the commit; a rollback leaves nothing; `after_commit` functions run only when the outermost unit committed.
"""

import contextlib
import contextvars
import dataclasses
import functools
import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Literal, ParamSpec, TypeVar, overload

import psycopg
from django.db import OperationalError, transaction

from kernel import tenancy
from kernel.actors import current_actor, current_origin
from kernel.clock import now
from kernel.db.routing import alias_in_scope, connection_in_scope, transaction_in_scope
from kernel.events import Event
from kernel.ids import new_id
from kernel.masking import masked
from kernel.problems import ReadOnly

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 3
AuditOutcome = Literal["done", "refused"]


class NoUnitOfWork(RuntimeError):
    """An event or audit entry was recorded outside a unit of work."""


@dataclasses.dataclass(frozen=True, slots=True)
class AuditRecord:
    """What the audit trail keeps beside actor and origin. `changes` maps a field to `[old, new]`, as plain JSON without secrets."""

    action: str
    object_type: str
    object_id: uuid.UUID
    changes: dict[str, Any]  # Any: JSON
    outcome: AuditOutcome = "done"


@dataclasses.dataclass(slots=True)
class Buffer:
    """What the running unit of work will flush."""

    events: list[Event] = dataclasses.field(default_factory=list)
    audits: list[AuditRecord] = dataclasses.field(default_factory=list)
    cause: dict[str, Any] = dataclasses.field(default_factory=dict)  # Any: JSON


_buffer: contextvars.ContextVar[Buffer | None] = contextvars.ContextVar("uow", default=None)
_cause: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("cause", default=None)
_flushes: list[Callable[[Buffer], None]] = []


def install_flush(flush: Callable[[Buffer], None]) -> None:
    """Called by the apps that store events and audit entries; runs inside the transaction, in the order of installation."""
    if flush not in _flushes:
        _flushes.append(flush)


def record(event: Event) -> None:
    """Adds an event to the running unit of work. Raises NoUnitOfWork outside of one."""
    _running().events.append(event)


def record_audit(
    *,
    action: str,
    object_type: str,
    object_id: uuid.UUID,
    changes: dict[str, Any] | None = None,  # Any: JSON
    outcome: AuditOutcome = "done",
) -> None:
    """Adds an audit entry to the running unit of work. Raises NoUnitOfWork outside of one.

    `changes` maps a field to `[old, new]`; what kernel.masking knows as a secret is masked here, so that no caller can forget it.
    """
    entry = AuditRecord(action=action, object_type=object_type, object_id=object_id, changes=masked(changes or {}), outcome=outcome)
    _running().audits.append(entry)


def after_commit(function: Callable[[], None]) -> None:
    """Runs `function` once the outermost unit has committed. For hints only: it is lost when the process dies in between."""
    transaction.on_commit(function, using=alias_in_scope(), robust=True)  # noqa: TID251 (the one place)


@contextlib.contextmanager
def caused_by(cause: dict[str, Any]) -> Iterator[None]:  # Any: JSON
    """Everything recorded inside carries this cause: `{root, depth}`."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


@overload
def unit_of_work(function: Callable[P, R]) -> Callable[P, R]: ...


@overload
def unit_of_work(function: None = None) -> contextlib.AbstractContextManager[None]: ...


def unit_of_work(function: Callable[P, R] | None = None) -> Callable[P, R] | contextlib.AbstractContextManager[None]:
    """Decorator for public services, or a context manager.

    As a decorator the outermost call is repeated up to three times after a deadlock or serialisation failure; nested
    calls join the running unit. As a context manager there is no repetition. Raises ReadOnly in a tenant that is being moved.
    """
    if function is None:
        return _unit()
    wrapped: Callable[P, R] = function

    @functools.wraps(wrapped)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if _buffer.get() is not None:
            return wrapped(*args, **kwargs)
        attempt = 0
        while True:
            try:
                with _unit():
                    return wrapped(*args, **kwargs)
            except OperationalError as error:
                attempt += 1
                if attempt > RETRIES or not _is_transient(error):
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 (jitter, not a secret)

    return call


@contextlib.contextmanager
def _unit() -> Iterator[None]:
    if _buffer.get() is not None:
        yield
        return
    tenant = tenancy.current_scope().tenant
    if tenant is not None and tenant.is_read_only:
        raise ReadOnly
    buffer = Buffer(cause=_cause.get() or {"root": str(new_id()), "depth": 0})
    token = _buffer.set(buffer)
    try:
        with transaction_in_scope(), tenancy.bound():
            yield
            for flush in _flushes:
                flush(buffer)
    finally:
        _buffer.reset(token)


def stamped(buffer: Buffer) -> dict[str, Any]:  # Any: JSON
    """The columns every flushed row shares: actor, cause, time and request id; `principal` also tells whom the actor acts for."""
    actor = current_actor()
    return {
        "actor": actor.as_json(),
        "principal": actor.as_principal(),
        "cause": buffer.cause,
        "at": now(),
        "origin": current_origin(),
    }


def _running() -> Buffer:
    buffer = _buffer.get()
    if buffer is None:
        raise NoUnitOfWork("record() needs a unit of work")
    return buffer


def _is_transient(error: OperationalError) -> bool:
    retryable = isinstance(error.__cause__, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)
    return retryable and not connection_in_scope().in_atomic_block

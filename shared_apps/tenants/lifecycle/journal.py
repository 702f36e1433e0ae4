"""Operations that survive a kill: a row, a list of idempotent steps, and a point from which there is only the way forward.

Before that point a stopped operation is undone, behind it it is carried on, by whoever runs the command again. An advisory lock keeps
two runs apart while both live; what makes the second one right is the fence, which the first one has lost.
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import psycopg
from django.db import IntegrityError
from django.db.models import F
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.problems import Problem
from kernel.registry import Registry

from shared_apps.tenants.errors import OperationRunning
from shared_apps.tenants.models import OperationState, TenantOperation

_PATIENCE = "10s"
_LOCK_SPACE = 0x41746564  # the first half of our advisory locks' keys


class Superseded(RuntimeError):
    """Another run of the same operation has taken over; this one must stop."""


class Reporter(Protocol):
    """Told of every point that an operation reaches, with numbers where a step has some; for progress bars, and for tests that kill."""

    def reached(self, point: str, done: int = 0, total: int = 0) -> None: ...


class Silence:
    """Tells nobody."""

    def reached(self, point: str, done: int = 0, total: int = 0) -> None:
        """Nothing."""


def counting(reporter: Reporter, point: str, before: int, total: int) -> Callable[[int], None]:
    """A function that tells the reporter how much is done, given what was done since `before`."""
    return lambda done: reporter.reached(point, before + done, total)


@dataclasses.dataclass(slots=True)
class Run:
    """One run of an operation. `data` is stored with the row by `save`; `context` lives as long as the run."""

    operation: TenantOperation
    reporter: Reporter
    context: dict[str, Any]  # Any: whatever the verb's steps share

    @property
    def data(self) -> dict[str, Any]:  # Any: JSON
        """What the operation has to remember."""
        data: dict[str, Any] = self.operation.data
        return data

    def save(self, **fields: object) -> None:
        """Stores the data and these fields. Raises Superseded where another run has begun."""
        operation = self.operation
        for name, value in fields.items():
            setattr(operation, name, value)
        with tenancy.public_scope():
            changed = TenantOperation.objects.filter(pk=operation.pk, fence=operation.fence).update(
                data=operation.data, updated_at=now(), **fields
            )
        if not changed:
            raise Superseded(str(operation))


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A piece of work that may run twice, and what takes it back, which may run twice and after half of it."""

    name: str
    run: Callable[[Run], None]
    undo: Callable[[Run], None] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Verb:
    """The steps of an operation. From the step `forward_from` on nothing is undone any more."""

    kind: str
    steps: tuple[Step, ...]
    forward_from: str  # empty: all of it can be undone
    ends_as: OperationState = OperationState.DONE

    def index(self, name: str) -> int:
        """The position of a step."""
        return [step.name for step in self.steps].index(name) if name else 0

    def is_past_return(self, name: str) -> bool:
        """Whether an operation that was in this step goes forward only."""
        return bool(name and self.forward_from) and self.index(name) >= self.index(self.forward_from)


VERBS: Registry[Verb] = Registry("tenant operation")


def begin(*, kind: str, tenant_id: uuid.UUID, slug: str, data: dict[str, Any]) -> TenantOperation:  # Any: JSON
    """The row of a new operation. Raises OperationRunning where the tenant or the slug has one."""
    with tenancy.public_scope():
        running = running_operation(tenant_id=tenant_id, slug=slug)
        if running is not None:
            raise OperationRunning(f"A {running.kind} of {running.slug} is unfinished", kind=running.kind, step=running.step)
        try:
            return TenantOperation.objects.create(kind=kind, tenant_public_id=tenant_id, slug=slug, data=data)
        except IntegrityError as error:  # somebody else was quicker
            raise OperationRunning(f"Something is being done with {slug} already") from error


def running_operation(*, tenant_id: uuid.UUID | None = None, slug: str = "") -> TenantOperation | None:
    """The unfinished operation of a tenant or a slug. Call it in the public scope."""
    rows = TenantOperation.objects.filter(state=OperationState.RUNNING)
    by_tenant = rows.filter(tenant_public_id=tenant_id).first() if tenant_id else None
    return by_tenant or (rows.filter(slug=slug).first() if slug else None)


def carry_out(operation: TenantOperation, reporter: Reporter, **context: Any) -> TenantOperation:  # Any: what the steps share
    """Runs the steps from where the operation is.

    An error before the point of no return undoes it all and is raised; behind it the operation stays as it is, to be carried on.
    """
    with _alone(operation):
        run = _taken_over(operation, reporter, context)
        verb = VERBS.get(operation.kind)
        try:
            for step in verb.steps[verb.index(operation.step) :]:
                run.save(step=step.name)
                reporter.reached(step.name)
                step.run(run)
                reporter.reached(f"{step.name}.done")
        except Superseded:
            raise
        except (Exception, KeyboardInterrupt) as error:
            run.save(error=_reason(error))
            if not verb.is_past_return(operation.step):
                _undo(run, verb)
            raise
        ended = None if verb.ends_as == OperationState.WAITING else now()
        run.save(state=verb.ends_as, step="", error="", finished_at=ended)
    return operation


def settle(operation: TenantOperation, reporter: Reporter, **context: Any) -> bool:  # Any: what the steps share
    """Brings a stopped operation to its end. Returns whether it was carried on (True) or undone (False)."""
    verb = VERBS.get(operation.kind)
    if verb.is_past_return(operation.step):
        carry_out(operation, reporter, **context)
        return True
    with _alone(operation):
        _undo(_taken_over(operation, reporter, context), verb)
    return False


def _reason(error: BaseException) -> str:
    """Our own sentences; of anything else only the kind, since a database error repeats the values of a row."""
    return error.detail[:500] if isinstance(error, Problem) else type(error).__name__


def _undo(run: Run, verb: Verb) -> None:
    """Takes the steps back, the last one first; killed in between, it begins again."""
    for step in reversed(verb.steps[: verb.index(run.operation.step) + 1]):
        if step.undo is not None:
            run.reporter.reached(f"{step.name}.undo")
            step.undo(run)
    run.save(state=OperationState.UNDONE, finished_at=now())


def _taken_over(operation: TenantOperation, reporter: Reporter, context: dict[str, Any]) -> Run:  # Any: as above
    with tenancy.public_scope():
        TenantOperation.objects.filter(pk=operation.pk).update(fence=F("fence") + 1)
        operation.refresh_from_db()
    if operation.state != OperationState.RUNNING:
        raise Superseded(f"{operation} is {operation.state}")
    return Run(operation=operation, reporter=reporter, context=context)


@contextlib.contextmanager
def _alone(operation: TenantOperation) -> Iterator[None]:
    """Refuses while another process works on the operation; a dead process has let go. Raises OperationRunning."""
    with owner_connection() as connection:
        connection.execute(f"SET lock_timeout = '{_PATIENCE}'")  # the server takes a moment to notice that a process has died
        try:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_SPACE, operation.pk % 2**31])
        except psycopg.errors.LockNotAvailable as error:
            raise OperationRunning(f"Another process is at work on the {operation.kind} of {operation.slug}") from error
        yield

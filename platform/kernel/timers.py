"""Timed work: rows with a moment at which they fall due, found by the sweeper's visits to tenants."""

import dataclasses
import datetime
from collections.abc import Callable, Iterable
from typing import Final

from kernel.clock import now
from kernel.tasks import send_again
from kernel.tenancy import TenantRef, current_tenant
from kernel.uow import after_commit

Expectation = Callable[[TenantRef, datetime.datetime], None]
_expect: list[Expectation] = []


@dataclasses.dataclass(frozen=True, slots=True)
class Swept:
    """What one look at a tenant's waiting rows found: how many were enqueued, and when the next one falls due (None: none waits)."""

    enqueued: int
    next_at: datetime.datetime | None = None


NOTHING: Final = Swept(0)


def enqueue_due(rows: Iterable[tuple[int, datetime.datetime, int]], *, task: str, queue: str, argument: str) -> Swept:
    """Sends the task for each row that is due, its key as `argument`. `rows` come as (key, due moment, attempts), earliest first."""
    tenant_id, moment, enqueued = str(current_tenant().id), now(), 0
    for key, due_at, attempts in rows:
        if due_at > moment:
            return Swept(enqueued, due_at)
        send_again(task, queue, attempt=attempts, tenant_id=tenant_id, **{argument: key})
        enqueued += 1
    return Swept(enqueued)


def together(parts: Iterable[Swept]) -> Swept:
    """The sum of several looks."""
    found = list(parts)
    moments = [part.next_at for part in found if part.next_at is not None]
    return Swept(sum(part.enqueued for part in found), min(moments, default=None))


def install_expectation(expect: Expectation) -> None:
    """Called by the app that plans the visits."""
    _expect[:] = [expect]


def expect(at: datetime.datetime) -> None:
    """Something of the tenant in scope falls due at `at`: the sweeper's next visit is not later, once the running unit has committed.

    For work that must not wait for the regular visit; when it is lost between commit and plan, the regular visit finds the row.
    """
    tenant = current_tenant()
    after_commit(lambda: _expect[0](tenant, at) if _expect else None)

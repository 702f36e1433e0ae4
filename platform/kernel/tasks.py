"""The base of all Celery tasks: they carry ids only, enter the tenant they are for, and losing one loses nothing."""

import uuid
from collections.abc import Callable
from typing import Any

import redis
import structlog
from celery import current_app, shared_task
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from kernel import redis as redis_client
from kernel import tenancy
from kernel.actors import SYSTEM, acting_as

_log = structlog.get_logger(__name__)

TaskId = str | int
REPEAT_SECONDS = 30


class TenantTask:
    """A task bound to one tenant. `enqueue` never raises: the sweepers find what a lost message would have started."""

    def __init__(self, name: str, queue: str) -> None:
        self.name, self.queue = name, queue

    def enqueue(self, tenant_id: uuid.UUID | str, **ids: TaskId) -> None:
        """Sends the task to its lane."""
        send(self.name, self.queue, tenant_id=str(tenant_id), **ids)


def tenant_task(*, queue: str) -> Callable[[Callable[..., None]], TenantTask]:
    """Decorator. The function runs inside the tenant's scope, as the system; the tenant's id is not passed on to it.

    A tenant that is gone or being moved is left alone.
    """

    def wrap(function: Callable[..., None]) -> TenantTask:
        name = f"{function.__module__}.{function.__name__}"

        @shared_task(name=name, ignore_result=True, acks_late=True)
        def run(tenant_id: str, **ids: Any) -> None:  # Any: JSON ids
            structlog.contextvars.bind_contextvars(tenant=tenant_id, task=name)
            close_old_connections()
            try:
                tenant = tenancy.resolve_tenant(tenant_id)
                if tenant.is_outdated:
                    _log.info("task.left_to_the_sweeper", **ids)  # its schema is of another version until it is migrated
                    return
                if tenant.is_read_only:
                    return  # it is being moved; the sweeper finds the work once it is open
                with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
                    function(**ids)
            except tenancy.UnknownTenant:
                _log.info("task.left_to_the_sweeper", **ids)  # being set up, or gone meanwhile
            except Exception:  # noqa: BLE001 (the task edge: logged with tenant, left to the sweeper)
                _log.exception("task.failed", **ids)
            finally:
                close_old_connections()
                structlog.contextvars.clear_contextvars()

        return TenantTask(name, queue)

    return wrap


def send_again(name: str, queue: str, *, attempt: int, **arguments: TaskId) -> None:
    """What a sweeper sends: the same task with the same `attempt` not twice within half a minute. Never raises.

    A row that waits behind a long queue would otherwise be sent at each visit, until the queue holds nothing but repetitions. Where
    the queue is lost with the server, the marks are lost as well, and the row is sent at once.
    """
    mark = ":".join(["told", name, *(str(value) for value in arguments.values()), str(attempt)])
    try:
        is_first = redis_client.client().set(mark, 1, nx=True, ex=REPEAT_SECONDS)
    except redis.RedisError as error:
        _log.warning("task.not_sent", task=name, error=type(error).__name__)
        return
    if is_first:
        send(name, queue, **arguments)


def send(name: str, queue: str, **arguments: TaskId) -> None:
    """Sends a task by name. Never raises: a broker that is away costs speed only."""
    try:
        current_app.send_task(name, kwargs=arguments, queue=queue, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        _log.warning("task.not_sent", task=name, error=type(error).__name__)

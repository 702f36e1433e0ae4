"""Celery entry points of the intake."""

import traceback

import structlog
from kernel import tenancy
from kernel.tasks import tenant_task

from tenant_apps.intake import services

_log = structlog.get_logger(__name__)


@tenant_task(queue="intake")
def process_inbound(inbound_id: int) -> None:
    """Makes a message of one inbound event. A suspended tenant's events wait until it is resumed."""
    if not tenancy.current_tenant().is_active:
        return
    try:
        services.process_inbound(inbound_id=inbound_id)
    except Exception as error:  # noqa: BLE001 (the task's edge: whatever went wrong is counted, and parked after the fifth time)
        # No message and no traceback text: a database error repeats the values of the row, that is, addresses.
        where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
        _log.error("inbound.failed", inbound_id=inbound_id, error=type(error).__name__, where=where)
        services.note_failure(inbound_id=inbound_id, error=f"{type(error).__name__} while processing")

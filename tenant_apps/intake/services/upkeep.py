"""What keeps inbound events moving: the sweep, running parked ones again, forgetting old bodies."""

import datetime
from typing import Final

from kernel.clock import now
from kernel.timers import Swept, enqueue_due
from kernel.uow import record, record_audit, unit_of_work

from tenant_apps.intake.errors import InboundNotParked, RawBodyForgotten
from tenant_apps.intake.events import InboundRerun
from tenant_apps.intake.models import WAITING_STATES, InboundEvent, InboundState
from tenant_apps.intake.selectors import waiting_inbound
from tenant_apps.intake.services.accepting import PROCESS_TASK

SWEEP_LIMIT: Final = 500
KEEP_RAW: Final = datetime.timedelta(days=30)
FORGET_LIMIT: Final = 500


def sweep() -> Swept:
    """Enqueues every event of the tenant that is due: never started, to be tried again, or left by a worker that died.

    Called by the scheduler at its visits; a task that runs twice finds nothing to claim.
    """
    rows = waiting_inbound().values_list("pk", "due_at", "attempts")[:SWEEP_LIMIT]
    return enqueue_due(rows, task=PROCESS_TASK, queue="intake", argument="inbound_id")


@unit_of_work
def reprocess(*, event: InboundEvent) -> InboundEvent:
    """Puts a parked event back into the queue, as if it had just arrived. Raises InboundNotParked, RawBodyForgotten."""
    current = InboundEvent.objects.select_for_update(of=("self",)).select_related("inbox").defer("raw").get(pk=event.pk)
    if current.state != InboundState.PARKED:
        raise InboundNotParked(state=current.state)
    if InboundEvent.objects.filter(pk=event.pk, raw=b"").exists():
        raise RawBodyForgotten
    changes = {"state": [current.state, InboundState.RECEIVED], "code": [current.error_code, ""]}
    current.state, current.failures = InboundState.RECEIVED, 0
    current.error_code, current.error_detail, current.lease_until, current.next_attempt_at = "", "", None, now()
    current.save()
    record(InboundRerun(aggregate_id=current.public_id, inbox_id=current.inbox.public_id))
    record_audit(action="inbound.rerun", object_type="inbound_event", object_id=current.public_id, changes=changes)
    return current


def forget_raw_bodies() -> int:
    """Empties the bodies of events that ended more than 30 days ago; key, hash and result stay. Returns how many."""
    total = 0
    while True:
        changed = _forget_some()
        total += changed
        if changed < FORGET_LIMIT:
            return total


@unit_of_work
def _forget_some() -> int:
    old = InboundEvent.objects.filter(received_at__lt=now() - KEEP_RAW).exclude(state__in=WAITING_STATES).exclude(raw=b"")
    wanted = list(old.order_by("received_at").values_list("pk", flat=True)[:FORGET_LIMIT])
    return InboundEvent.objects.filter(pk__in=wanted).update(raw=b"", headers={}, envelope={})

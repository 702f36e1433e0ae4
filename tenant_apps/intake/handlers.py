"""Reactions of the intake to events."""

from kernel import tenancy
from kernel.consumers import on
from kernel.events import StoredEvent

from tenant_apps.intake import selectors
from tenant_apps.intake.events import InboundRerun
from tenant_apps.intake.tasks import process_inbound


@on(InboundRerun, consumer="intake")
def start_rerun(event: StoredEvent) -> None:
    """Starts the worker at once; the sweeper would find the row a few seconds later. A second call finds nothing to claim."""
    inbound_id = selectors.due_inbound().filter(public_id=event.aggregate_id).values_list("pk", flat=True).first()
    if inbound_id is not None:
        process_inbound.enqueue(tenancy.current_tenant().id, inbound_id=inbound_id)

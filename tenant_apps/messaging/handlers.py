"""Reactions of messaging to its own events."""

from kernel import tenancy
from kernel.consumers import on
from kernel.events import StoredEvent

from tenant_apps.messaging import selectors
from tenant_apps.messaging.events import MessageQueued, MessageRequeued
from tenant_apps.messaging.tasks import deliver_message


@on(MessageQueued, MessageRequeued, consumer="deliveries")
def start_delivery(event: StoredEvent) -> None:
    """Enqueues the delivery. A second call finds nothing to claim."""
    message = selectors.message_by_id(event.aggregate_id)
    if message is not None:
        deliver_message.enqueue(tenancy.current_tenant().id, message_id=message.pk)

"""What becomes of a queued reply. The worker that sends it holds a fence; a late worker changes nothing."""

from django.db.models import Case, F, When
from kernel import tenancy
from kernel.clock import now
from kernel.timers import NOTHING, Swept, enqueue_due
from kernel.uow import record, record_audit, unit_of_work

from tenant_apps.messaging.errors import DeliveryNotFailed
from tenant_apps.messaging.events import MessageFailed, MessageRequeued, MessageSent
from tenant_apps.messaging.models import Delivery, DeliveryState, Message

SWEEP_LIMIT = 200
DELIVER_TASK = "tenant_apps.messaging.tasks.deliver_message"
HELD = "Held: it waited to be sent when this organization was copied"


@unit_of_work
def mark_delivery_sent(*, delivery: Delivery, fence: int) -> bool:
    """Stores success. Returns False where the fence is no longer ours."""
    current = held(delivery, fence)
    if current is None:
        return False
    current.state, current.last_error, current.lease_until = DeliveryState.SENT, "", None
    current.save(update_fields=["state", "last_error", "lease_until"])
    mirror(current, "")
    record(MessageSent(aggregate_id=current.message.public_id, conversation_id=current.message.conversation.public_id))
    return True


@unit_of_work
def mark_delivery_failed(*, delivery: Delivery, fence: int, error: str) -> bool:
    """Stores the final failure with a reason for the agent. Returns False where the fence is no longer ours."""
    current = held(delivery, fence)
    if current is None:
        return False
    fail(current, error)
    return True


@unit_of_work
def retry_delivery(*, message: Message) -> Message:
    """Queues a failed reply again, with the same Message-ID. Raises DeliveryNotFailed."""
    delivery = Delivery.objects.select_for_update(of=("self",)).select_related("message__conversation").filter(message=message).first()
    if delivery is None or delivery.state != DeliveryState.FAILED:
        raise DeliveryNotFailed
    changes = {"state": [str(delivery.state), str(DeliveryState.QUEUED)], "attempts": [delivery.attempts, 0]}
    delivery.state, delivery.attempts, delivery.next_attempt_at, delivery.last_error = DeliveryState.QUEUED, 0, now(), ""
    delivery.fence += 1
    delivery.save()
    mirror(delivery, "")
    record(MessageRequeued(aggregate_id=delivery.message.public_id, conversation_id=delivery.message.conversation.public_id))
    record_audit(action="message.retry", object_type="message", object_id=delivery.message.public_id, changes=changes)
    return delivery.message


def fail(delivery: Delivery, error: str) -> None:
    """Marks a locked delivery as failed for good; inside the caller's unit of work."""
    delivery.state, delivery.last_error, delivery.lease_until = DeliveryState.FAILED, error[:500], None
    delivery.save(update_fields=["state", "last_error", "lease_until"])
    mirror(delivery, error)
    record(MessageFailed(aggregate_id=delivery.message.public_id, conversation_id=delivery.message.conversation.public_id))


def sweep() -> Swept:
    """Enqueues every delivery that is due or whose worker has died; called by the scheduler at its visits."""
    if tenancy.current_tenant().is_outward_paused:
        return NOTHING
    due_at = Case(When(state=DeliveryState.SENDING, then=F("lease_until")), default=F("next_attempt_at"))
    waiting = Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).annotate(due_at=due_at)
    rows = waiting.order_by("due_at", "id").values_list("message_id", "due_at", "attempts")[:SWEEP_LIMIT]
    return enqueue_due(rows, task=DELIVER_TASK, queue="outbound", argument="message_id")


def hold_copied_deliveries() -> int:
    """Deliveries that waited when the tenant was copied fail with a reason: a person may send them again, nothing does by itself.

    No event tells of it, since nothing was decided here. Returns how many.
    """
    waiting = Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])
    Message.objects.filter(delivery__in=waiting).update(delivery_state=DeliveryState.FAILED, delivery_error=HELD)
    return waiting.update(state=DeliveryState.FAILED, last_error=HELD, lease_until=None, fence=F("fence") + 1)


def is_handing_over() -> bool:
    """Whether a worker holds a delivery of the tenant in scope, and may be telling the outside world about it."""
    return Delivery.objects.filter(state=DeliveryState.SENDING, lease_until__gt=now()).exists()


def held(delivery: Delivery, fence: int) -> Delivery | None:
    """The delivery, locked, while the fence is still the caller's; otherwise None."""
    return (
        Delivery.objects.select_for_update(of=("self",)).select_related("message__conversation").filter(pk=delivery.pk, fence=fence).first()
    )


def mirror(delivery: Delivery, error: str) -> None:
    Message.objects.filter(pk=delivery.message_id).update(delivery_state=delivery.state, delivery_error=error[:500])
    delivery.message.delivery_state, delivery.message.delivery_error = delivery.state, error[:500]

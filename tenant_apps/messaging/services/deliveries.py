"""What becomes of a queued reply. The worker that sends it holds a fence; a late worker changes nothing."""

from django.db.models import Q
from kernel import tenancy
from kernel.clock import now
from kernel.tasks import send
from kernel.uow import record, unit_of_work

from tenant_apps.messaging.errors import DeliveryNotFailed
from tenant_apps.messaging.events import MessageFailed, MessageRequeued, MessageSent
from tenant_apps.messaging.models import Delivery, DeliveryState, Message

SWEEP_LIMIT = 200


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
    delivery.state, delivery.attempts, delivery.next_attempt_at, delivery.last_error = DeliveryState.QUEUED, 0, now(), ""
    delivery.fence += 1
    delivery.save()
    mirror(delivery, "")
    record(MessageRequeued(aggregate_id=delivery.message.public_id, conversation_id=delivery.message.conversation.public_id))
    return delivery.message


def fail(delivery: Delivery, error: str) -> None:
    """Marks a locked delivery as failed for good; inside the caller's unit of work."""
    delivery.state, delivery.last_error, delivery.lease_until = DeliveryState.FAILED, error[:500], None
    delivery.save(update_fields=["state", "last_error", "lease_until"])
    mirror(delivery, error)
    record(MessageFailed(aggregate_id=delivery.message.public_id, conversation_id=delivery.message.conversation.public_id))


def sweep() -> None:
    """Enqueues every delivery that is due or whose worker has died; called by the scheduler."""
    due = Delivery.objects.filter(
        Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, lease_until__lt=now()), next_attempt_at__lte=now()
    ).order_by("next_attempt_at")
    tenant = tenancy.current_tenant()
    for message_id in due.values_list("message_id", flat=True)[:SWEEP_LIMIT]:
        send("tenant_apps.messaging.tasks.deliver_message", "outbound", tenant_id=str(tenant.id), message_id=message_id)


def held(delivery: Delivery, fence: int) -> Delivery | None:
    """The delivery, locked, while the fence is still the caller's; otherwise None."""
    return (
        Delivery.objects.select_for_update(of=("self",)).select_related("message__conversation").filter(pk=delivery.pk, fence=fence).first()
    )


def mirror(delivery: Delivery, error: str) -> None:
    Message.objects.filter(pk=delivery.message_id).update(delivery_state=delivery.state, delivery_error=error[:500])
    delivery.message.delivery_state, delivery.message.delivery_error = delivery.state, error[:500]

"""The steps around a hand-over: claiming a delivery, planning the next attempt, taking a bounce into account."""

import dataclasses
import datetime
import random
from typing import Final

from django.db.models import Q
from kernel import storage, tenancy
from kernel.clock import now
from kernel.timers import expect
from kernel.uow import record, unit_of_work

from tenant_apps.connectors.registry import FileContent, Outgoing
from tenant_apps.messaging.events import MessageDelayed
from tenant_apps.messaging.models import Delivery, DeliveryState, Message
from tenant_apps.messaging.services.deliveries import fail, held, mirror

LEASE: Final = datetime.timedelta(seconds=120)  # longer than all time limits of one SMTP session together
RETRY_SECONDS: Final = (30, 120, 600, 3_600, 14_400)
MAX_ATTEMPTS: Final = len(RETRY_SECONDS) + 1
_GAVE_UP: Final = "Sending was begun several times and never ended"


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The right to try one delivery. Results are stored only while `fence` is still the delivery's own."""

    delivery: Delivery
    fence: int


@unit_of_work
def claim_delivery(*, message_id: int) -> Claim | None:
    """Takes a due delivery, in a transaction of its own. Returns None where another worker has it, it is not due, or nothing may
    leave the tenant."""
    if tenancy.current_tenant().is_outward_paused:
        return None
    moment = now()
    is_due = Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, lease_until__lt=moment)
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "message__conversation__inbox", "message__conversation__contact", "message__author_user"
    )
    delivery = rows.filter(is_due, message_id=message_id, next_attempt_at__lte=moment).first()
    if delivery is None:
        return None
    delivery.attempts += 1
    delivery.fence += 1
    if delivery.attempts > MAX_ATTEMPTS:
        delivery.save(update_fields=["attempts", "fence"])
        fail(delivery, delivery.last_error or _GAVE_UP)
        return None
    delivery.state, delivery.lease_until = DeliveryState.SENDING, moment + LEASE
    delivery.save(update_fields=["attempts", "fence", "state", "lease_until"])
    Message.objects.filter(pk=message_id).update(delivery_state=DeliveryState.SENDING)
    return Claim(delivery=delivery, fence=delivery.fence)


@unit_of_work
def postpone_delivery(*, delivery: Delivery, fence: int, error: str) -> bool:
    """Plans the next attempt after a failure that may pass: 30 s, 2 min, 10 min, 1 h, 4 h, each a fifth more or less; then it has
    failed for good. Returns False where the fence is no longer ours."""
    current = held(delivery, fence)
    if current is None or current.state != DeliveryState.SENDING:
        return False
    if current.attempts >= MAX_ATTEMPTS:
        fail(current, error)
        return True
    wait = RETRY_SECONDS[current.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
    current.state, current.lease_until, current.last_error = DeliveryState.QUEUED, None, error[:500]
    current.next_attempt_at = now() + datetime.timedelta(seconds=wait)
    expect(current.next_attempt_at)
    current.save(update_fields=["state", "lease_until", "last_error", "next_attempt_at"])
    mirror(current, error)
    record(MessageDelayed(aggregate_id=current.message.public_id, conversation_id=current.message.conversation.public_id))
    return True


@unit_of_work
def fail_bounced(*, message: Message, reason: str) -> bool:
    """A mail system reported that it could not deliver a message of ours. Returns False where it had failed already."""
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("message__conversation")
    delivery = rows.filter(message=message).exclude(state=DeliveryState.FAILED).first()
    if delivery is None:
        return False
    delivery.fence += 1
    delivery.save(update_fields=["fence"])
    fail(delivery, f"Returned by the recipient's mail system: {reason}" if reason else "Returned by the recipient's mail system")
    return True


def outgoing_of(delivery: Delivery) -> Outgoing:
    """What the connector is to send. Reads the stored files, so call it with no transaction open. Raises OSError."""
    message = delivery.message
    conversation, author = message.conversation, message.author_user
    return Outgoing(
        message_id=message.public_id,
        conversation_id=conversation.public_id,
        external_id=message.external_id,
        recipient=delivery.recipient,
        recipient_name=conversation.contact.name,
        author_name=author.name if author else conversation.inbox.name,
        subject=message.subject or conversation.subject,
        text=message.body_text,
        html=message.body_html,
        in_reply_to=message.in_reply_to,
        references=message.references,
        written_at=message.created_at,
        files=[
            FileContent(
                filename=file.filename,
                content_type=file.content_type,
                content=storage.get(file.storage_key),
                content_id=file.content_id,
                is_inline=file.is_inline,
            )
            for file in message.attachments.order_by("id")
        ],
    )

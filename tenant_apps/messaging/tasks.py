"""Celery entry points of messaging."""

from kernel import tenancy
from kernel.metrics import DELIVERIES
from kernel.problems import Problem
from kernel.tasks import tenant_task

from tenant_apps.connectors import services as connectors
from tenant_apps.connectors.registry import HandOverFailed
from tenant_apps.messaging import services
from tenant_apps.messaging.services.sending import Claim, claim_delivery, outgoing_of, postpone_delivery


@tenant_task(queue="outbound")
def deliver_message(message_id: int) -> None:
    """Tries one delivery: claims it, hands it over with no transaction open, stores what came of it.

    A worker that dies in between leaves a lease that runs out; then the sweeper enqueues the message again.
    """
    if not tenancy.current_tenant().is_active:
        return
    claim = claim_delivery(message_id=message_id)
    if claim is None:
        return
    inbox = claim.delivery.message.conversation.inbox
    try:
        connectors.hand_over(inbox=inbox, outgoing=outgoing_of(claim.delivery))
    except HandOverFailed as failure:
        _store_failure(claim, failure.reason, is_permanent=failure.is_permanent)
        if not failure.is_permanent:
            connectors.note_inbox_error(inbox=inbox, error=failure.reason)
    except OSError:
        _store_failure(claim, "A file of the message cannot be read", is_permanent=False)
    except Problem as problem:
        _store_failure(claim, problem.detail, is_permanent=True)
    else:
        DELIVERIES.labels(inbox.connector, "sent").inc()
        services.mark_delivery_sent(delivery=claim.delivery, fence=claim.fence)


def _store_failure(claim: Claim, reason: str, *, is_permanent: bool) -> None:
    connector = claim.delivery.message.conversation.inbox.connector
    DELIVERIES.labels(connector, "refused" if is_permanent else "postponed").inc()
    if is_permanent:
        services.mark_delivery_failed(delivery=claim.delivery, fence=claim.fence, error=reason)
    else:
        postpone_delivery(delivery=claim.delivery, fence=claim.fence, error=reason)

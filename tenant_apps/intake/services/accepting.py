"""Storing what arrives. Only after this has committed may the sender be told that we have it (promise P1)."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from kernel import tenancy
from kernel.clock import now
from kernel.metrics import INBOUND_EVENTS
from kernel.tasks import send
from kernel.uow import after_commit, unit_of_work

from tenant_apps.connectors.selectors import inbox_by_id
from tenant_apps.intake.errors import InboxGone
from tenant_apps.intake.models import InboundEvent, InboundState

PROCESS_TASK = "tenant_apps.intake.tasks.process_inbound"


@unit_of_work
def accept_inbound(
    *,
    inbox_id: uuid.UUID,
    connector: str,
    dedup_key: str,
    raw: bytes,
    headers: Mapping[str, str],
    envelope: Mapping[str, Any],  # Any: JSON
) -> InboundEvent:
    """Stores the raw bytes. A dedup key seen before returns the first event, which is a success too. Raises InboxGone.

    The worker is told after the commit; when that message is lost, the sweeper finds the row.
    """
    inbox = inbox_by_id(inbox_id)
    if inbox is None:
        raise InboxGone(str(inbox_id))
    moment = now()
    event, created = InboundEvent.objects.get_or_create(
        inbox=inbox,
        dedup_key=dedup_key,
        defaults={
            "connector": connector,
            "body_sha256": hashlib.sha256(raw).hexdigest(),
            "raw": raw,
            "size": len(raw),
            "headers": dict(headers),
            "envelope": dict(envelope),
            "received_at": moment,
            "next_attempt_at": moment,
            "state": InboundState.RECEIVED,
        },
    )
    INBOUND_EVENTS.labels(connector, "accepted" if created else "duplicate").inc()
    if created:
        tenant = tenancy.current_tenant()
        if tenant.is_active:
            after_commit(lambda: send(PROCESS_TASK, "intake", tenant_id=str(tenant.id), inbound_id=event.pk))
    return event


def mail_dedup_key(raw: bytes, recipient: str) -> str:
    """What makes two hand-overs of one mail the same: its bytes and its envelope recipient, since a sender chooses the Message-ID."""
    return hashlib.sha256(raw + b"\0" + recipient.encode()).hexdigest()

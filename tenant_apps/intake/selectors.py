"""Reads of inbound events. They hold other people's mail in full, so only holders of `intake.event.manage` see them."""

import uuid
from typing import Any

from django.db.models import Case, Count, F, QuerySet, When
from kernel.api.pagination import Order, Page, keyset_page
from kernel.clock import now

from tenant_apps.access.selectors import has_permission
from tenant_apps.intake.models import WAITING_STATES, InboundEvent, InboundState

PERMISSION = "intake.event.manage"
NEWEST_FIRST = Order(("received_at", "id"))
COLUMNS = (
    "id", "public_id", "inbox__public_id", "inbox__name", "connector", "state", "received_at", "size", "body_sha256", "attempts", "sender",
    "subject", "error_code", "error_detail", "message__public_id", "message__conversation__public_id", "duplicate_of__public_id",
)  # fmt: skip


def inbound_events_visible_to(viewer: Any) -> "QuerySet[InboundEvent]":  # Any: user or actor
    """All of them for those who may manage intake, none for anybody else."""
    return InboundEvent.objects.all() if has_permission(viewer, PERMISSION) else InboundEvent.objects.none()


def inbound_page(viewer: Any, *, state: str = "", cursor: str = "", limit: int = 25) -> Page:  # Any: user or actor
    """A page of events, newest first, without their bodies."""
    rows = inbound_events_visible_to(viewer)
    if state:
        rows = rows.filter(state=state)
    return keyset_page(rows.values(*COLUMNS), order=NEWEST_FIRST, cursor=cursor, limit=limit)


def inbound_detail(viewer: Any, public_id: uuid.UUID) -> InboundEvent | None:  # Any: user or actor
    """One event with its inbox, or None where it is not there or not visible. The body is read only when it is asked for."""
    rows = inbound_events_visible_to(viewer).select_related("inbox", "message__conversation", "duplicate_of").defer("raw")
    return rows.filter(public_id=public_id).first()


def inbound_counts(viewer: Any) -> dict[str, int]:  # Any: user or actor
    """Number of events by state."""
    counts = dict.fromkeys(InboundState.values, 0)
    found = inbound_events_visible_to(viewer).order_by().values("state").annotate(number=Count("id"))
    return {**counts, **{row["state"]: row["number"] for row in found}}


def waiting_inbound() -> "QuerySet[Any, Any]":  # Any: rows with `due_at`
    """Events that a worker still has to take, with the moment `due_at` from which one may; earliest first. Paused inboxes wait."""
    due_at = Case(When(state=InboundState.PROCESSING, then=F("lease_until")), default=F("next_attempt_at"))
    rows = InboundEvent.objects.filter(state__in=WAITING_STATES, inbox__is_paused=False)
    return rows.annotate(due_at=due_at).order_by("due_at", "id")


def due_inbound() -> "QuerySet[Any, Any]":  # Any: as above
    """Those of them that a worker may take now: received and due, or in processing with a lease that ran out."""
    return waiting_inbound().filter(due_at__lte=now())

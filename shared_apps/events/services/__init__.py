"""Running consumers, and forgetting what is old."""

import datetime

from kernel.clock import now

from shared_apps.events.models import IdempotencyRecord
from shared_apps.events.services.runner import is_behind, replay_parked, run_consumers

IDEMPOTENCY_KEPT = datetime.timedelta(hours=24)

__all__ = ["forget_idempotency_records", "is_behind", "replay_parked", "run_consumers"]


def forget_idempotency_records() -> int:
    """Deletes the records that are past their 24 hours; returns how many."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=now() - IDEMPOTENCY_KEPT).delete()
    return deleted

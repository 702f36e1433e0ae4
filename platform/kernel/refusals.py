"""Refused attempts of people and keys we know leave an audit entry: in a unit of its own, since the refused one was taken back."""

import uuid
from collections.abc import Iterable
from typing import Final

import structlog
from django.db import DatabaseError

from kernel import limits, tenancy
from kernel.actors import current_actor
from kernel.problems import TooManyRequests
from kernel.uow import record_audit, unit_of_work

ACTION: Final = "access.refuse"
PER_ACTOR: Final = "30/minute"
NOBODY: Final = uuid.UUID(int=0)
_log = structlog.get_logger(__name__)


def note_refusal(*, method: str, path: str, reason: str, ids: Iterable[object] = ()) -> None:
    """Writes that the current actor was refused, about the object whose id the address names. Never raises.

    At most thirty entries a minute for one actor: whoever is refused for ever must not fill the trail. Nothing is written in a tenant
    that is being moved.
    """
    tenant = tenancy.current_scope().tenant
    if tenant is not None and tenant.is_read_only:
        return
    try:
        limits.take(PER_ACTOR, "refusals", str(current_actor().id))
    except TooManyRequests:
        return
    object_id = next((value for value in ids if isinstance(value, uuid.UUID)), NOBODY)
    changes = {"method": [None, method], "path": [None, path[:200]], "reason": [None, reason[:200]]}
    try:
        with unit_of_work():
            record_audit(action=ACTION, object_type="route", object_id=object_id, changes=changes, outcome="refused")
    except DatabaseError:
        _log.exception("refusal.not_recorded")

"""What is written about the trail itself: exports, how long entries are kept, and the removal of old ones."""

import datetime
import uuid
from typing import Any, Final

import structlog
from django.utils.translation import gettext as _
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from psycopg import sql

from shared_apps.audit import selectors
from shared_apps.audit.chain import IMPORTED, PRUNED
from shared_apps.audit.models import AuditEntry, AuditRetention
from shared_apps.audit.verifying import verify

NOBODY: Final = uuid.UUID(int=0)
EXPORTS_PER_USER: Final = "30/hour"
SHORTEST_DAYS: Final = 90
LONGEST_DAYS: Final = 36500
STAGE: Final = 10_000
_GRAIN: Final = datetime.timedelta(days=1)
_log = structlog.get_logger(__name__)


@unit_of_work
def note_export(*, form: str, wanted: dict[str, Any]) -> None:  # Any: filter values
    """Writes that somebody takes entries out, and which."""
    changes = {"format": [None, form], **{name: [None, value] for name, value in wanted.items()}}
    record_audit(action="audit.export", object_type="audit", object_id=_scope_id(), changes=changes)


def check_retention(keep_days: int | None) -> None:
    """Raises ValidationProblem for fewer or more days than can be set."""
    if keep_days is not None and not SHORTEST_DAYS <= keep_days <= LONGEST_DAYS:
        words = _("Between %(least)s and %(most)s days") % {"least": SHORTEST_DAYS, "most": LONGEST_DAYS}
        raise ValidationProblem([FieldError("/keep_days", "out_of_range", words)])


@unit_of_work
def set_retention(*, keep_days: int | None) -> None:
    """How many days entries of the schema in scope are kept; None keeps them for ever. Raises ValidationProblem."""
    check_retention(keep_days)
    kept = AuditRetention.objects.select_for_update().first()
    before = kept.keep_days if kept else None
    if before == keep_days:
        return
    if keep_days is None:
        AuditRetention.objects.all().delete()
    else:
        AuditRetention.objects.update_or_create(id=1, defaults={"keep_days": keep_days})
    record_audit(action="audit.set_retention", object_type="audit", object_id=_scope_id(), changes={"keep_days": [before, keep_days]})


def prune() -> int:
    """Removes the entries of the schema in scope that are older than its retention. Returns how many.

    They go as a prefix, in stages: an entry names the last number that goes and its hash, then that stage is deleted. So the chain
    verifies after each stage, a run that was killed between the two is made good by the next, and nobody without the key can remove
    more. A chain that does not verify loses nothing. Nothing new is begun while there is less than a day to remove. Call it with no
    transaction open: the rows are deleted by the owner's login, for no other may.
    """
    kept = AuditRetention.objects.first()
    tenant = tenancy.current_scope().tenant
    if kept is None or (tenant is not None and tenant.is_read_only):
        return 0
    limit = now() - datetime.timedelta(days=kept.keep_days)
    old = selectors.last_before(limit)
    announced, end = _announced(old), old if AuditEntry.objects.filter(at__lt=limit - _GRAIN).exists() else 0
    if not AuditEntry.objects.filter(n__lte=max(announced, end)).exists():
        return 0
    verdict = verify()
    if not verdict.is_good:
        _log.error("audit.not_pruned", broken_at=verdict.broken_at)
        return 0
    removed = _delete(announced) if announced else 0
    for upto in _stages(end):
        _note_removal(upto=upto, limit=limit)
        removed += _delete(upto)
    return removed


def _announced(old: int) -> int:
    """How far an earlier run said it would go. Only entries of our own say so, and only what is old by today's retention goes."""
    boundary = AuditEntry.objects.filter(action=IMPORTED).order_by("-n").values_list("n", flat=True).first() or 0
    note = AuditEntry.objects.filter(action=PRUNED, n__gt=boundary).order_by("-n").first()
    upto = int(note.changes["upto"][1]) if note else 0
    return upto if upto <= old else 0


def _stages(end: int) -> list[int]:
    """Where each stage ends. Entries of another installation go in one: only the digest over all of them proves them."""
    first = AuditEntry.objects.order_by("n").values_list("n", flat=True).first() or 0
    if not first or end < first:
        return []
    ends = range(max(first + STAGE - 1, selectors.last_foreign()), end, STAGE)
    return [*ends, end]


@unit_of_work
def _note_removal(*, upto: int, limit: datetime.datetime) -> None:
    last = AuditEntry.objects.get(n=upto)
    changes = {"upto": [None, upto], "hash": [None, bytes(last.hash).hex()], "before": [None, limit.isoformat()]}
    record_audit(action=PRUNED, object_type="audit", object_id=_scope_id(), changes=changes)


def _delete(upto: int) -> int:
    scope = tenancy.current_scope()
    statement = sql.SQL("DELETE FROM {} WHERE n <= %s").format(sql.Identifier(scope.schema, "audit_auditentry"))
    with owner_connection(scope.cluster) as connection:
        return connection.execute(statement, [upto]).rowcount


def _scope_id() -> uuid.UUID:
    tenant = tenancy.current_scope().tenant
    return tenant.id if tenant else NOBODY

"""What is written about the trail itself: exports, how long entries are kept, and the removal of old ones."""

import datetime
import uuid
from typing import Any, Final

import structlog
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from psycopg import sql

from shared_apps.audit.chain import IMPORTED, PRUNED
from shared_apps.audit.models import AuditEntry, AuditRetention
from shared_apps.audit.verifying import verify

NOBODY: Final = uuid.UUID(int=0)
SHORTEST_DAYS: Final = 30
LONGEST_DAYS: Final = 36500
_GRAIN: Final = datetime.timedelta(days=1)
_log = structlog.get_logger(__name__)


@unit_of_work
def note_export(*, form: str, wanted: dict[str, Any]) -> None:  # Any: filter values
    """Writes that somebody takes entries out, and which."""
    changes = {"format": [None, form], **{name: [None, value] for name, value in wanted.items()}}
    record_audit(action="audit.export", object_type="audit", object_id=_scope_id(), changes=changes)


@unit_of_work
def set_retention(*, keep_days: int | None) -> None:
    """How many days entries of the schema in scope are kept; None keeps them for ever. Raises ValidationProblem."""
    if keep_days is not None and not SHORTEST_DAYS <= keep_days <= LONGEST_DAYS:
        raise ValidationProblem([FieldError("/keep_days", "out_of_range", f"Between {SHORTEST_DAYS} and {LONGEST_DAYS} days")])
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

    They go as a whole prefix, behind an entry that names the last of them and its hash; so the chain verifies afterwards, and nobody
    without the key can remove more. A chain that does not verify loses nothing. Nothing happens while there is less than a day to
    remove. Call it with no transaction open: the rows are deleted by the owner's login, for no other may.
    """
    kept = AuditRetention.objects.first()
    tenant = tenancy.current_scope().tenant
    if kept is None or (tenant is not None and tenant.is_read_only):
        return 0
    limit = now() - datetime.timedelta(days=kept.keep_days)
    if not AuditEntry.objects.filter(at__lt=limit - _GRAIN).exists():
        return 0
    upto = _last_before(limit)
    if not AuditEntry.objects.filter(n__lte=upto).exists():
        return 0
    verdict = verify()
    if not verdict.is_good:
        _log.error("audit.not_pruned", broken_at=verdict.broken_at)
        return 0
    _note_removal(upto=upto, limit=limit)
    return _delete(upto)


def _last_before(limit: datetime.datetime) -> int:
    """The end of the prefix in which every entry is older. Entries of another installation go all at once or not at all: only the
    digest over all of them proves them."""
    younger = AuditEntry.objects.filter(at__gte=limit).order_by("n").values_list("n", flat=True).first()
    newest = AuditEntry.objects.order_by("-n").values_list("n", flat=True).first() or 0
    upto = newest if younger is None else younger - 1
    foreign = AuditEntry.objects.filter(action=IMPORTED, changes__is_ours=False).order_by("-n").values_list("n", flat=True).first()
    return 0 if foreign is not None and upto < foreign else upto


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

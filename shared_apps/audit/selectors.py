"""Reads of the audit trail: pages, exports in order, and what there is to filter by."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.db.models.fields.json import KT
from kernel import tenancy
from kernel.api.pagination import DEFAULT_LIMIT, Order, Page, keyset_page
from kernel.clock import now
from kernel.db.routing import connection_in_scope

from shared_apps.audit.chain import IMPORTED
from shared_apps.audit.models import AuditEntry, AuditRetention

READ: Final = "audit.entry.read"
EXPORT: Final = "audit.entry.export"
RETENTION: Final = "audit.retention.manage"
NEWEST_FIRST: Final = Order(("n",))
COLUMNS: Final = (
    *("n", "at", "actor", "action", "object_type", "object_id", "changes", "outcome"),
    *("ip", "user_agent", "request_id", "hash"),
)
_CHUNK: Final = 500
_SKEW: Final = datetime.timedelta(minutes=5)
# A loose index scan: as many steps as there are actions, however many entries.
_ACTIONS: Final = """
WITH RECURSIVE known AS (
  (SELECT action FROM audit_auditentry ORDER BY action LIMIT 1)
  UNION ALL
  SELECT (SELECT e.action FROM audit_auditentry e WHERE e.action > known.action ORDER BY e.action LIMIT 1)
  FROM known WHERE known.action IS NOT NULL
) SELECT action FROM known WHERE action IS NOT NULL"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for; everything left out does not narrow. `since` and `until` are the first moment wanted and the first not."""

    actor: uuid.UUID | None = None
    action: str = ""
    object_type: str = ""
    object_id: uuid.UUID | None = None
    outcome: str = ""
    search: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    def as_json(self) -> dict[str, str]:
        """What narrows, in words: for the entry about an export."""
        return {name: str(value) for name, value in dataclasses.asdict(self).items() if value}


def audit_page(wanted: Wanted, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page:
    """Entries of the schema in scope, newest first. The right to see them is asked at the edge: they are for few, and for all of it."""
    return keyset_page(_rows(wanted).values(*COLUMNS), order=NEWEST_FIRST, cursor=cursor, limit=limit)


def exported_rows(wanted: Wanted) -> Iterator[dict[str, Any]]:  # Any: column values
    """Every wanted entry up to the present newest, oldest first, read in pages.

    It may be consumed after the request has ended: the scope of the call is entered anew for each page.
    """
    tenant = tenancy.current_scope().tenant
    newest = AuditEntry.objects.order_by("-n").values_list("n", flat=True).first() or 0
    return _chunks(tenant, wanted, newest)


def known_actions() -> list[str]:
    """Every action that occurs, by name."""
    with connection_in_scope().cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [row[0] for row in cursor.fetchall()]


def keep_days() -> int | None:
    """How long entries are kept; None for ever."""
    kept = AuditRetention.objects.first()
    return kept.keep_days if kept else None


@dataclasses.dataclass(frozen=True, slots=True)
class Old:
    """What a retention would remove: how many entries, and from when the first one is."""

    entries: int
    oldest_at: datetime.datetime | None


def old_entries(days: int | None) -> Old:
    """What would go if entries were kept for so many days, without reading them."""
    first = AuditEntry.objects.order_by("n").first()
    upto = last_before(now() - datetime.timedelta(days=days)) if days is not None else 0
    return Old(upto - first.n + 1, first.at) if first is not None and upto >= first.n else Old(0, None)


def last_before(limit: datetime.datetime) -> int:
    """The end of the prefix in which every entry is older than `limit`. Entries of another installation go all at once or not at all."""
    younger = AuditEntry.objects.filter(at__gte=limit).order_by("n").values_list("n", flat=True).first()
    newest = AuditEntry.objects.order_by("-n").values_list("n", flat=True).first() or 0
    upto = newest if younger is None else younger - 1
    return 0 if upto < last_foreign() else upto


def last_foreign() -> int:
    """The boundary behind the entries of another installation; 0 where there are none."""
    rows = AuditEntry.objects.filter(action=IMPORTED, changes__is_ours=False)
    return rows.order_by("-n").values_list("n", flat=True).first() or 0


def _chunks(tenant: tenancy.TenantRef | None, wanted: Wanted, newest: int) -> Iterator[dict[str, Any]]:  # Any: column values
    last = 0
    while True:
        with tenancy.tenant_scope(tenant) if tenant else tenancy.public_scope():
            page = list(_rows(wanted).filter(n__gt=last, n__lte=newest).order_by("n").values(*COLUMNS)[:_CHUNK])
        yield from page
        if len(page) < _CHUNK:
            return
        last = page[-1]["n"]


def _rows(wanted: Wanted) -> "QuerySet[AuditEntry]":
    rows = AuditEntry.objects.all()
    if wanted.actor is not None:
        rows = rows.alias(actor_key=KT("actor__id")).filter(actor_key=str(wanted.actor))
    if wanted.object_id is not None:
        rows = rows.filter(object_id=wanted.object_id)
    if wanted.search:
        rows = rows.filter(action__in=[action for action in known_actions() if wanted.search.lower() in action.lower()])
    plain = {name: value for name in ("action", "object_type", "outcome") if (value := getattr(wanted, name))}
    return _between(rows.filter(**plain), wanted)


def _between(rows: "QuerySet[AuditEntry]", wanted: Wanted) -> "QuerySet[AuditEntry]":
    """Numbers and moments rise together but for the difference between the clocks of our machines; so the moments bound the numbers,
    and the list needs no other order than its own."""
    if wanted.since is not None:
        first = AuditEntry.objects.filter(at__gte=_moved(wanted.since, -_SKEW)).order_by("at").values_list("n", flat=True).first()
        rows = rows.filter(at__gte=wanted.since, n__gte=first) if first is not None else rows.none()
    if wanted.until is not None:
        last = AuditEntry.objects.filter(at__lt=_moved(wanted.until, _SKEW)).order_by("-at").values_list("n", flat=True).first()
        rows = rows.filter(at__lt=wanted.until, n__lte=last) if last is not None else rows.none()
    return rows


def _moved(moment: datetime.datetime, by: datetime.timedelta) -> datetime.datetime:
    """The moment a little earlier or later, where the calendar has one."""
    try:
        return moment + by
    except OverflowError:
        return moment

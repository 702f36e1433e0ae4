"""Data changes: what a migration would do to rows in Python, done for each tenant in chunks behind the fleet's migration.

A chunk is one unit of work in the tenant's scope, and its cursor is a row in public that is written behind it. A run that dies in
between repeats one chunk, so a change is idempotent: a second call with the same cursor changes nothing.
"""

import structlog
from django.db import DatabaseError
from django.db.migrations.loader import MigrationLoader
from django.db.models import Count, Q
from django.utils.module_loading import autodiscover_modules
from kernel import tenancy
from kernel.actors import SYSTEM, acting_as
from kernel.uow import unit_of_work

from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import DataChangeProgress, Tenant, TenantState
from shared_apps.tenants.registry import DATA_CHANGES, DataChange
from shared_apps.tenants.selectors import host_of

_log = structlog.get_logger(__name__)


class UnknownMigration(RuntimeError):
    """A data change names a migration that does not exist."""


def all_changes() -> dict[str, DataChange]:
    """Every registered change, after importing each app's `data_changes.py`. Raises UnknownMigration."""
    autodiscover_modules("data_changes")
    changes = DATA_CHANGES.all()
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {} if changes else {}
    for change in changes.values():
        if tuple(change.after.split(".", 1)) not in known:
            raise UnknownMigration(f"The data change {change.name} comes after {change.after}, which does not exist")
    return changes


def run_data_changes(*, chunks: int | None = None) -> int:
    """Runs what is pending in tenants of the current version, at most so many chunks. Returns how many chunks were run.

    A change that fails in a tenant is noted there and stops neither its other changes nor the other tenants.
    """
    done = 0
    for change in all_changes().values():
        for tenant in _pending(change.name):
            while chunks is None or done < chunks:
                done += 1
                if _chunk(change, tenant):
                    break
    return done


def change_status() -> list[dict[str, object]]:
    """For each change how many tenants it is done in, of how many, and where it failed. Runs in the public scope."""
    total = Tenant.objects.exclude(state=TenantState.ARCHIVED).count()
    is_done, has_failed = Count("pk", filter=Q(is_done=True)), Count("pk", filter=~Q(error=""))
    rows = DataChangeProgress.objects.values("name").annotate(done=is_done, failed=has_failed)
    counts = {row["name"]: (row["done"], row["failed"]) for row in rows}
    found: list[dict[str, object]] = []
    for name, change in all_changes().items():
        done, failed = counts.get(name, (0, 0))
        found.append({"name": name, "after": change.after, "tenants": total, "done": done, "failed": failed})
    return found


def _pending(name: str) -> list[Tenant]:
    with tenancy.public_scope():
        ready = Tenant.objects.filter(fingerprint=tenant_fingerprint(), state__in=[TenantState.ACTIVE, TenantState.SUSPENDED])
        finished = DataChangeProgress.objects.filter(name=name, is_done=True).values("tenant")
        return list(ready.exclude(pk__in=finished).order_by("id"))


def _chunk(change: DataChange, tenant: Tenant) -> bool:
    """Runs one chunk. Returns whether this tenant is through, for good or for now."""
    with tenancy.public_scope():
        progress, _ = DataChangeProgress.objects.get_or_create(tenant=tenant, name=change.name)
    try:
        with tenancy.tenant_scope(as_ref(tenant, host_of(tenant.slug))), acting_as(SYSTEM), unit_of_work():
            cursor = change.run(progress.cursor)
    except (DatabaseError, LookupError, TypeError, ValueError) as error:
        _log.exception("data_change.failed", change=change.name, tenant=str(tenant.public_id))
        progress.attempts, progress.error = progress.attempts + 1, f"{type(error).__name__}: {error}"[:2000]
        _save(progress)
        return True
    progress.is_done, progress.cursor, progress.error = cursor is None, cursor or progress.cursor, ""
    _save(progress)
    return progress.is_done


def _save(progress: DataChangeProgress) -> None:
    with tenancy.public_scope():
        progress.save()

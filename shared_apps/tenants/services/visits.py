"""Which tenants the sweeper visits: those with something due, and every active one after a while in any case."""

import dataclasses
import datetime
from typing import Final

from django.db.models import Case, F, When
from django.db.models.functions import Least
from kernel import tenancy
from kernel.clock import now
from kernel.db.routing import connection_in_scope, transaction_in_scope
from kernel.tenancy import TenantRef

from shared_apps.tenants.models import DueTenant, TenantState

BUSY: Final = datetime.timedelta(seconds=2)
IDLE: Final = datetime.timedelta(seconds=20)  # the longest that a lost hint can delay anything
LEASE: Final = datetime.timedelta(seconds=10)
LIMIT: Final = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """The right to look at one tenant; it runs out at `until`, so that a sweeper that died costs ten seconds."""

    tenant: TenantRef
    until: datetime.datetime


def claim_visits(*, limit: int = LIMIT) -> list[Visit]:
    """The active tenants whose time has come, longest overdue first, none of them twice at a time."""
    with tenancy.public_scope(), transaction_in_scope():
        _add_missing()
        until = now() + LEASE
        rows = DueTenant.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            next_at__lte=now(), tenant__state=TenantState.ACTIVE
        )
        keys = dict(rows.order_by("next_at", "pk").values_list("pk", "tenant__public_id")[:limit])
        DueTenant.objects.filter(pk__in=keys).update(next_at=until)
    tenants = {tenant.id: tenant for tenant in tenancy.active_tenants()} if keys else {}
    return [Visit(tenants[public_id], until) for public_id in keys.values() if public_id in tenants]


def finish_visit(*, visit: Visit, found: int, next_at: datetime.datetime | None) -> None:
    """Plans the next visit: soon where there was work, at `next_at` where that is known to come, otherwise after a while.

    An expectation that came during the visit stays.
    """
    moment = now()
    planned = moment + (BUSY if found else IDLE)
    if next_at is not None:
        planned = min(planned, max(next_at, moment))
    with tenancy.public_scope():
        DueTenant.objects.filter(tenant__public_id=visit.tenant.id).update(
            next_at=Case(When(next_at=visit.until, then=planned), default=Least(F("next_at"), planned))
        )


def bring_forward(tenant: TenantRef, at: datetime.datetime) -> None:
    """The next visit is not later than `at`."""
    with tenancy.public_scope():
        DueTenant.objects.filter(tenant__public_id=tenant.id, next_at__gt=at).update(next_at=at)


def _add_missing() -> None:
    """New and resumed tenants, and rows that anybody lost."""
    with connection_in_scope().cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_duetenant (tenant_id, next_at) SELECT t.id, %s FROM tenants_tenant t "
            "WHERE t.state = %s AND NOT EXISTS (SELECT 1 FROM tenants_duetenant d WHERE d.tenant_id = t.id) ON CONFLICT DO NOTHING",
            [now(), TenantState.ACTIVE],
        )

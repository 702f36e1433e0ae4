"""Reads of the registry."""

import dataclasses
import functools
import time
import uuid
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from kernel import crypto, tenancy
from kernel.api.pagination import Order, Page, keyset_page
from kernel.tenancy import TenantRef

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import ChannelRoute, Tenant, TenantOperation, TenantState

NEWEST_FIRST = Order(("created_at", "id"))
COLUMNS = (
    "id", "public_id", "name", "slug", "state", "cluster", "fingerprint", "owner_email", "is_outward_paused", "created_at", "updated_at",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class RouteRef:
    """Where an outside address leads. `secret` is in clear text, for checking signatures; never log it."""

    tenant: TenantRef
    inbox_id: uuid.UUID
    secret: str
    is_active: bool


def host_of(slug: str) -> str:
    """The host name of a tenant's pages and API."""
    return f"{slug}.{settings.ATENDE_BASE_HOST}"


def url_of(host: str, path: str = "/") -> str:
    """An absolute URL on a host of ours."""
    port = f":{settings.ATENDE_PUBLIC_PORT}" if settings.ATENDE_PUBLIC_PORT else ""
    return f"{settings.ATENDE_PUBLIC_SCHEME}://{host}{port}{path}"


def tenants() -> "QuerySet[Tenant]":
    """All tenants; operators see every one."""
    return Tenant.objects.all()


def tenant_page(*, search: str = "", state: str = "", cursor: str = "", limit: int = 25) -> Page:
    """A page of tenants, newest first, as dictionaries of columns with `host` and `is_current` (schema up to date)."""
    rows = Tenant.objects.all()
    if state:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(slug__icontains=search) | Q(owner_email__icontains=search))
    page = keyset_page(
        rows.values(*COLUMNS),
        order=NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
    )
    for row in page.rows:
        row["host"] = host_of(row["slug"])
        row["is_current"] = row["fingerprint"] == tenant_fingerprint()
    return page


def tenant_counts() -> dict[str, int]:
    """Number of tenants by state, and `all`."""
    counts = dict.fromkeys(TenantState.values, 0)
    counts.update({row["state"]: row["n"] for row in Tenant.objects.values("state").annotate(n=Count("id"))})
    counts["all"] = sum(counts.values())
    return counts


def operations_of(tenant_id: uuid.UUID) -> "QuerySet[TenantOperation]":
    """What was or is being done with a whole tenant, newest first; also of a tenant that is gone."""
    return TenantOperation.objects.filter(tenant_public_id=tenant_id).order_by("-id")


def channel_route(connector: str, external_id: str) -> RouteRef | None:
    """The route of an outside address or key, from a cache of 10 seconds. Enters the public scope by itself.

    The tenant is looked up each time, so that a move or a deletion is seen as soon as everywhere else.
    """
    kept = _route(connector, external_id, int(time.monotonic() // 10))
    if kept is None:
        return None
    try:
        tenant = tenancy.resolve_tenant(kept.tenant_id)
    except tenancy.UnknownTenant:
        return None
    return RouteRef(tenant=tenant, inbox_id=kept.inbox_id, secret=kept.secret, is_active=kept.is_active)


def forget_routes() -> None:
    """Drops the cached routes of this process."""
    _route.cache_clear()


def count_rejection(connector: str, external_id: str) -> None:
    """Counts a delivery that was refused before anything was stored."""
    with tenancy.public_scope():
        ChannelRoute.objects.filter(connector=connector, external_id=external_id).update(rejected_count=F("rejected_count") + 1)


@functools.lru_cache(maxsize=5000)
def _route(connector: str, external_id: str, _tick: int) -> "_KeptRoute | None":
    with tenancy.public_scope():
        row: Any = ChannelRoute.objects.filter(connector=connector, external_id=external_id).select_related("tenant").first()
    if row is None:
        return None
    secret = crypto.unseal(row.secret, context=f"channelroute:{connector}:{external_id}").decode() if row.secret else ""
    return _KeptRoute(tenant_id=row.tenant.public_id, inbox_id=row.inbox_id, secret=secret, is_active=row.is_active)


@dataclasses.dataclass(frozen=True, slots=True)
class _KeptRoute:
    tenant_id: uuid.UUID
    inbox_id: uuid.UUID
    secret: str
    is_active: bool

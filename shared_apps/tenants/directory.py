"""The cached snapshot of the registry that every process answers tenant questions from."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import TypeVar

from kernel import tenancy
from kernel.tenancy import TenantRef

from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.models import Domain, Tenant, TenantState

KEEP_SECONDS = 3.0
T = TypeVar("T")


def as_ref(tenant: Tenant, host: str) -> TenantRef:
    """The snapshot of a registry row. Enters the public scope by itself where the schema is not of the current version."""
    return TenantRef(
        id=tenant.public_id,
        slug=tenant.slug,
        name=tenant.name,
        schema=tenant.schema_name,
        role=tenant.role_name,
        state=tenant.state,
        host=host,
        fingerprint=tenant.fingerprint,
        cluster=tenant.cluster,
        is_outdated=not compatibility.may_serve(tenant.fingerprint),
        is_outward_paused=tenant.is_outward_paused,
    )


class RegistryDirectory:
    """Answers from memory for three seconds; a request costs no registry query. A miss is remembered for one second only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[object, tuple[float, object]] = {}

    def by_host(self, host: str) -> TenantRef | None:
        return self._remember(("host", host), lambda: self._one(domains__domain=host))

    def by_id(self, tenant_id: uuid.UUID) -> TenantRef | None:
        return self._remember(("id", tenant_id), lambda: self._one(public_id=tenant_id))

    def active(self) -> list[TenantRef]:
        return self._remember("active", self._all_active)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()

    def _remember(self, key: object, ask: Callable[[], T]) -> T:
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]  # type: ignore[return-value]  # the value was stored under the same key by the same method
        with tenancy.public_scope():
            found = ask()
        with self._lock:
            if len(self._kept) > 20_000:
                self._kept.clear()
            self._kept[key] = (time.monotonic() + (KEEP_SECONDS if found else 1.0), found)
        return found

    def _one(self, **lookup: object) -> TenantRef | None:
        row = Tenant.objects.filter(**lookup).exclude(state__in=[TenantState.ARCHIVED, TenantState.DELETING]).first()
        if row is None or row.state == TenantState.PROVISIONING:
            return None
        domain = Domain.objects.filter(tenant=row, is_primary=True).values_list("domain", flat=True).first()
        return as_ref(row, domain or "")

    def _all_active(self) -> list[TenantRef]:
        domains = Domain.objects.filter(is_primary=True, tenant__state=TenantState.ACTIVE).select_related("tenant").order_by("tenant_id")
        references = [as_ref(domain.tenant, domain.domain) for domain in domains]
        return [reference for reference in references if not reference.is_outdated]

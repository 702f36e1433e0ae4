"""Suspending and resuming a tenant. Inbound messages of a suspended tenant are stored and wait."""

from kernel import tenancy
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.tenants.errors import TenantStateConflict
from shared_apps.tenants.events import TenantResumed, TenantSuspended
from shared_apps.tenants.models import Tenant, TenantState


@unit_of_work
def suspend_tenant(*, tenant: Tenant) -> Tenant:
    """Closes an active tenant's pages, API and sockets. Raises TenantStateConflict."""
    changed = _move(tenant, TenantState.ACTIVE, TenantState.SUSPENDED)
    record(TenantSuspended(aggregate_id=tenant.public_id, slug=tenant.slug))
    return changed


@unit_of_work
def resume_tenant(*, tenant: Tenant) -> Tenant:
    """Opens a suspended tenant again. Raises TenantStateConflict."""
    changed = _move(tenant, TenantState.SUSPENDED, TenantState.ACTIVE)
    record(TenantResumed(aggregate_id=tenant.public_id, slug=tenant.slug))
    return changed


def _move(tenant: Tenant, source: TenantState, target: TenantState) -> Tenant:
    current = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if current.state != source:
        raise TenantStateConflict(f"The tenant is {current.state}", state=current.state)
    current.state = target
    current.save(update_fields=["state", "updated_at"])
    record_audit(action=f"tenant.{target}", object_type="tenant", object_id=current.public_id, changes={"state": [source, target]})
    tenancy.forget_directory()
    return current

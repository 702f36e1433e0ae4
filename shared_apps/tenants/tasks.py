"""Keeping spares ready and completing tenants whose creation was interrupted."""

import datetime

import structlog
from celery import shared_task
from django.db import close_old_connections
from kernel import tenancy
from kernel.clock import now

from shared_apps.tenants import schemas
from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.models import Tenant, TenantState
from shared_apps.tenants.services import finish_provisioning

INTERRUPTED_AFTER = datetime.timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@shared_task(name="shared_apps.tenants.tasks.keep_spares", ignore_result=True)
def keep_spares() -> None:
    """Builds missing spares, then opens tenants that have been `provisioning` for over a minute."""
    close_old_connections()
    schemas.keep_spares()
    with tenancy.public_scope():
        waiting = list(Tenant.objects.filter(state=TenantState.PROVISIONING, created_at__lt=now() - INTERRUPTED_AFTER))
        waiting = [tenant for tenant in waiting if compatibility.may_serve(tenant.fingerprint)]
    for tenant in waiting:
        _log.info("tenant.completing", tenant=str(tenant.public_id))
        finish_provisioning(tenant=tenant)
    close_old_connections()

"""Keeping spares ready, completing tenants whose creation was interrupted, running what operators asked for, anchoring."""

import datetime

import psycopg
import structlog
from celery import shared_task
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, close_old_connections
from kernel import tenancy
from kernel.clock import now

from shared_apps.audit import services as audit
from shared_apps.tenants import anchors, schemas
from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.fleet.changes import run_data_changes
from shared_apps.tenants.models import Tenant, TenantState
from shared_apps.tenants.services import finish_provisioning, run_requested

CHUNKS_AT_A_TIME = 200
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


@shared_task(name="shared_apps.tenants.tasks.set_anchors", ignore_result=True)
def set_anchors() -> None:
    """Keeps the heads of the audit chains that have moved, outside of their schemas."""
    close_old_connections()
    anchors.set_anchors()
    close_old_connections()


@shared_task(name="shared_apps.tenants.tasks.prune_audit", ignore_result=True)
def prune_audit() -> None:
    """Removes the audit entries that are older than their organization keeps them; one that cannot be reached waits for the next hour."""
    close_old_connections()
    with tenancy.public_scope():
        audit.prune()
        active = tenancy.active_tenants()
    for tenant in active:
        try:
            with tenancy.tenant_scope(tenant):
                audit.prune()
        except (DatabaseError, psycopg.Error, ImproperlyConfigured):
            _log.exception("audit.prune_failed", tenant=str(tenant.id))
        close_old_connections()


@shared_task(name="shared_apps.tenants.tasks.run_fleet", ignore_result=True)
def run_fleet() -> None:
    """Runs requested by operators, then pending data changes, a bounded number of chunks. It replays scripts and derives none."""
    close_old_connections()
    while run_requested():
        close_old_connections()
    run_data_changes(chunks=CHUNKS_AT_A_TIME)
    close_old_connections()

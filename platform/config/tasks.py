"""Periodic work over all tenants: the sweeper that finds what lost hints would have started."""

import structlog
from celery import shared_task
from django.db import DatabaseError, close_old_connections
from kernel import tenancy
from kernel.tasks import send
from shared_apps.accounts import services as accounts
from shared_apps.events import services as events
from tenant_apps.intake import services as intake
from tenant_apps.messaging import services as messaging

_log = structlog.get_logger(__name__)


@shared_task(name="config.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Visits every active tenant: consumers behind their log, inbound events unprocessed, deliveries and invitations due."""
    close_old_connections()
    with tenancy.public_scope():
        tenants = tenancy.active_tenants()
    for tenant in tenants:
        try:
            with tenancy.tenant_scope(tenant):
                if events.is_behind():
                    send("shared_apps.events.tasks.run_consumers", "default", tenant_id=str(tenant.id))
                accounts.sweep()
                intake.sweep()
                messaging.sweep()
        except DatabaseError:
            _log.exception("sweep.failed", tenant=str(tenant.id))
    close_old_connections()


@shared_task(name="config.tasks.forget_old", ignore_result=True)
def forget_old() -> None:
    """Removes what has outlived its purpose: idempotency records after 24 hours, raw inbound bodies after 30 days."""
    with tenancy.public_scope():
        events.forget_idempotency_records()
        tenants = tenancy.active_tenants()
    for tenant in tenants:
        with tenancy.tenant_scope(tenant):
            events.forget_idempotency_records()
            intake.forget_raw_bodies()

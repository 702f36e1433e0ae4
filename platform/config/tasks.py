"""Periodic work over all tenants: the sweeper that finds what lost hints would have started."""

import structlog
from celery import shared_task
from django.db import DatabaseError, close_old_connections
from kernel import tenancy, timers
from kernel.tasks import send
from shared_apps.accounts import services as accounts
from shared_apps.events import services as events
from shared_apps.tenants import services as tenants
from tenant_apps.intake import services as intake
from tenant_apps.messaging import services as messaging

_log = structlog.get_logger(__name__)


@shared_task(name="config.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Visits the tenants whose time has come: consumers behind their log, inbound events, deliveries and invitations that are due.

    A tenant that cannot be looked at (its cluster is away) keeps its visit for some seconds and is tried again.
    """
    close_old_connections()
    for visit in tenants.claim_visits():
        try:
            with tenancy.tenant_scope(visit.tenant):
                swept = _look_at(visit.tenant)
        except DatabaseError:
            _log.exception("sweep.failed", tenant=str(visit.tenant.id))
        else:
            tenants.finish_visit(visit=visit, found=swept.enqueued, next_at=swept.next_at)
        close_old_connections()  # to the pool, which lets go of a connection that has been in many schemas


def _look_at(tenant: tenancy.TenantRef) -> timers.Swept:
    is_behind = events.is_behind()
    if is_behind:
        send("shared_apps.events.tasks.run_consumers", "default", tenant_id=str(tenant.id))
    return timers.together([timers.Swept(int(is_behind)), accounts.sweep(), intake.sweep(), messaging.sweep()])


@shared_task(name="config.tasks.forget_old", ignore_result=True)
def forget_old() -> None:
    """Removes what has outlived its purpose: idempotency records after 24 hours, raw inbound bodies and mails about log-ins after
    30 days, sessions that are over."""
    with tenancy.public_scope():
        events.forget_idempotency_records()
        accounts.forget_ended_sessions()
        active = tenancy.active_tenants()
    for tenant in active:
        with tenancy.tenant_scope(tenant):
            events.forget_idempotency_records()
            intake.forget_raw_bodies()
            accounts.forget_old_mails()
            accounts.forget_ended_sessions()
        close_old_connections()

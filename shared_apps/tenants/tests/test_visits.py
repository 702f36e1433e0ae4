"""When the sweeper visits a tenant: due ones at once, idle ones after a while, suspended ones never."""

import datetime

import pytest
from kernel import tenancy, timers
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.uow import unit_of_work

from shared_apps.tenants import services
from shared_apps.tenants.models import DueTenant, Tenant, TenantState
from shared_apps.tenants.services import visits

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def planned(acme, globex, in_public):
    """Both tenants' visits are an hour away."""
    services.claim_visits()
    DueTenant.objects.update(next_at=now() + 3600 * SECOND)


def slugs(found):
    return sorted(visit.tenant.slug for visit in found)


def next_at(tenant):
    with tenancy.public_scope():
        return DueTenant.objects.get(tenant__public_id=tenant.id).next_at


def test_tenants_without_a_plan_are_visited_once(in_public):
    DueTenant.objects.all().delete()

    first, second = services.claim_visits(), services.claim_visits()

    assert (slugs(first), slugs(second)) == (["acme", "globex"], [])


def test_a_visit_whose_sweeper_died_is_made_again(planned, acme, time_machine):
    DueTenant.objects.filter(tenant__slug="acme").update(next_at=now() - SECOND)
    assert slugs(services.claim_visits()) == ["acme"]

    time_machine.move_to(now() + visits.LEASE + SECOND)

    assert slugs(services.claim_visits()) == ["acme"]


def test_an_idle_tenant_is_left_alone_for_a_while(planned, acme):
    (visit,) = claimed(acme)

    services.finish_visit(visit=visit, found=0, next_at=None)

    assert next_at(acme) - now() > visits.IDLE - SECOND


def test_a_busy_tenant_is_visited_soon(planned, acme):
    (visit,) = claimed(acme)

    services.finish_visit(visit=visit, found=3, next_at=None)

    assert next_at(acme) - now() <= visits.BUSY


def test_what_falls_due_sooner_than_the_regular_visit_is_waited_for(planned, acme):
    (visit,) = claimed(acme)
    moment = now() + 5 * SECOND

    services.finish_visit(visit=visit, found=0, next_at=moment)

    assert next_at(acme) == moment


def test_an_expectation_during_a_visit_is_kept(planned, acme):
    (visit,) = claimed(acme)
    moment = now() + SECOND

    visits.bring_forward(acme, moment)
    services.finish_visit(visit=visit, found=0, next_at=None)

    assert next_at(acme) == moment


def test_an_expectation_never_puts_a_visit_off(planned, acme):
    before = next_at(acme)

    visits.bring_forward(acme, before + SECOND)

    assert next_at(acme) == before


def test_a_suspended_tenant_is_not_visited_until_it_is_resumed(planned, acme, globex):
    DueTenant.objects.update(next_at=now() - SECOND)
    tenant = Tenant.objects.get(public_id=acme.id)
    services.suspend_tenant(tenant=tenant)
    tenancy.forget_directory()

    assert slugs(services.claim_visits()) == ["globex"]
    assert Tenant.objects.get(pk=tenant.pk).state == TenantState.SUSPENDED
    services.resume_tenant(tenant=tenant)
    tenancy.forget_directory()
    assert slugs(services.claim_visits()) == ["acme"]


def test_an_expectation_is_planned_when_its_unit_has_committed(fresh_database, acme):
    with tenancy.public_scope():
        services.claim_visits()
    moment = now() + 3 * SECOND

    with tenancy.tenant_scope(acme), unit_of_work():
        timers.expect(moment)
        during = next_at_elsewhere(acme)

    assert during > moment
    assert next_at(acme) == moment


def next_at_elsewhere(tenant):
    """Read by another connection: the running unit is bound to its schema."""
    with owner_connection() as owner:
        return owner.execute(
            "SELECT next_at FROM public.tenants_duetenant d JOIN public.tenants_tenant t ON t.id = d.tenant_id WHERE t.public_id = %s",
            [tenant.id],
        ).fetchone()[0]


def claimed(tenant):
    with tenancy.public_scope():
        DueTenant.objects.filter(tenant__public_id=tenant.id).update(next_at=now() - SECOND)
        return services.claim_visits()

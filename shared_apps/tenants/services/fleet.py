"""Operators ask for a run over the fleet, or for one tenant's migration; a worker takes the requests up."""

from kernel import tenancy
from kernel.tasks import send
from kernel.uow import after_commit, record_audit, unit_of_work

from shared_apps.tenants.errors import RunUnderWay, TenantUpToDate
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet.plans import Choice, behind
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.fleet.status import newest_run, state_of
from shared_apps.tenants.models import FleetRun, RunState, Tenant

RUN_TASK = "shared_apps.tenants.tasks.run_fleet"


@unit_of_work
def request_run() -> FleetRun:
    """Asks for a run over all tenants that are behind. Raises RunUnderWay."""
    newest = newest_run()
    if newest is not None and state_of(newest) in {RunState.REQUESTED, RunState.RUNNING}:
        raise RunUnderWay(run_id=str(newest.public_id))
    return _request(FleetRun(target=tenant_fingerprint()))


@unit_of_work
def request_tenant_migration(*, tenant: Tenant) -> FleetRun:
    """Asks for one tenant to be tried again. Raises TenantUpToDate."""
    if not behind(Choice(tenant_id=tenant.pk)).exists():
        raise TenantUpToDate
    return _request(FleetRun(target=tenant_fingerprint(), tenant=tenant))


def run_requested() -> bool:
    """Takes up the oldest request, if there is one, and runs it to its end. Not inside a transaction."""
    with tenancy.public_scope():
        run = _take_up()
    if run is None:
        return False
    migrate_fleet(Choice(tenant_id=run.tenant_id), Manner(derives=False), run=run)
    return True


def _request(run: FleetRun) -> FleetRun:
    run.state = RunState.REQUESTED
    run.save()
    record_audit(
        action="fleet.run",
        object_type="fleet_run",
        object_id=run.public_id,
        changes={"tenant": [None, run.tenant.slug if run.tenant else None]},
    )
    # A hint beside the schedule, which would take the request up a little later.
    after_commit(lambda: send(RUN_TASK, "bulk"))
    return run


@unit_of_work
def _take_up() -> FleetRun | None:
    run = FleetRun.objects.select_for_update(skip_locked=True, of=("self",)).filter(state=RunState.REQUESTED).order_by("id").first()
    if run is not None:
        run.state = RunState.RUNNING
        run.save(update_fields=["state"])
    return run

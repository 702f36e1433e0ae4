"""Moving a tenant to another cluster: reading goes on, writing waits, nothing is lost.

Processes remember the registry for three seconds (directory.KEEP_SECONDS). So after each change of the row that others must know of
before the next step, a move waits longer than that: after `moving` until nobody begins to write, and after the switch until nobody
reads the old schema, before the new one may change. What a process does in spite of it is refused by the database (lifecycle.fence).
"""

import dataclasses
import time
from typing import Any, Final

from django.utils.module_loading import autodiscover_modules
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.db.routing import clusters
from kernel.problems import FieldError, ValidationProblem
from kernel.tenancy import TenantRef
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.tenants import schemas
from shared_apps.tenants.directory import KEEP_SECONDS, as_ref
from shared_apps.tenants.errors import MoveNotPossible, TenantStateConflict
from shared_apps.tenants.events import TenantMoved
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import copying, fence, journal, sources, tables
from shared_apps.tenants.lifecycle.exporting import settle_former
from shared_apps.tenants.lifecycle.journal import Reporter, Run, Step, Verb
from shared_apps.tenants.models import OperationKind, OperationState, Tenant, TenantOperation, TenantState
from shared_apps.tenants.registry import BUSY
from shared_apps.tenants.selectors import host_of

QUIET_SECONDS: Final = KEEP_SECONDS + 1.0
BUSY_SECONDS: Final = 150.0  # longer than a delivery's lease: a worker that is silent for so long is dead
_BUSY_PAUSE: Final = 0.5


def move_tenant(*, tenant: Tenant, cluster: str, reporter: Reporter | None = None) -> TenantOperation:
    """Moves an active tenant. The old schema stays, sealed, until the move is confirmed or taken back. Safe to repeat after a crash.

    Raises ValidationProblem, TenantStateConflict, MoveNotPossible, OperationRunning, CopyDiffers; the tenant is where it was then.
    """
    reporter = reporter or journal.Silence()
    former = settle_former(tenant, OperationKind.MOVE, reporter)
    if former is not None:
        return former
    tenant = _fresh(tenant)
    if cluster not in clusters():
        raise ValidationProblem([FieldError("/cluster", "unknown", "This installation has no cluster of this name")])
    if cluster == tenant.cluster:
        raise MoveNotPossible(f"The tenant is on {cluster} already")
    if tenant.state != TenantState.ACTIVE:
        raise TenantStateConflict(f"The tenant is {tenant.state}; only an active one can be moved", state=tenant.state)
    if tenant.fingerprint != tenant_fingerprint():
        raise MoveNotPossible("The tenant's schema is behind; run migrate_platform first")
    if waiting_move(tenant) is not None:
        raise MoveNotPossible("An earlier move waits: confirm it or take it back first")
    target = {"cluster": cluster, "schema": schemas.new_schema_name()}
    places = {"source": _place(tenant), "target": target, "fingerprint": tenant.fingerprint}
    operation = journal.begin(kind=OperationKind.MOVE, tenant_id=tenant.public_id, slug=tenant.slug, data=places)
    return journal.carry_out(operation, reporter)


def confirm_move(*, tenant: Tenant) -> TenantOperation:
    """Removes the old schema of a finished move. Raises MoveNotPossible where none waits."""
    move = _waiting(tenant)
    copying.drop(**move.data["source"])
    with tenancy.public_scope():
        _end(move, OperationState.DONE)
    return move


def undo_move(*, tenant: Tenant, reporter: Reporter | None = None) -> TenantOperation:
    """Takes the tenant back to where it was, as long as nothing was written since. Safe to repeat after a crash.

    Raises MoveNotPossible; the tenant stays where it is then.
    """
    reporter = reporter or journal.Silence()
    former = settle_former(tenant, OperationKind.MOVE_BACK, reporter)
    if former is not None:
        return former
    move = _waiting(tenant)
    data = {**move.data, "source": move.data["target"], "target": move.data["source"], "move": move.pk}
    operation = journal.begin(kind=OperationKind.MOVE_BACK, tenant_id=tenant.public_id, slug=tenant.slug, data=data)
    return journal.carry_out(operation, reporter)


def waiting_move(tenant: Tenant) -> TenantOperation | None:
    """The finished move whose old schema is still there."""
    with tenancy.public_scope():
        rows = TenantOperation.objects.filter(tenant_public_id=tenant.public_id, kind=OperationKind.MOVE, state=OperationState.WAITING)
        return rows.order_by("-id").first()


def _waiting(tenant: Tenant) -> TenantOperation:
    move = waiting_move(tenant)
    if move is None:
        raise MoveNotPossible("No move of this tenant waits for a decision")
    with tenancy.public_scope():
        running = journal.running_operation(tenant_id=tenant.public_id)
    if running is not None and running.kind != OperationKind.MOVE_BACK:
        raise MoveNotPossible(f"A {running.kind} of this tenant is unfinished")
    return move


def _fresh(tenant: Tenant) -> Tenant:
    with tenancy.public_scope():
        return Tenant.objects.get(pk=tenant.pk)


def _place(tenant: Tenant) -> dict[str, str]:
    return {"cluster": tenant.cluster, "schema": tenant.schema_name}


# --- steps -------------------------------------------------------------------------------------------------------------
def _close_window(run: Run) -> None:
    """Writes answer 503 from here on; then everything that was begun before may end."""
    with tenancy.public_scope():
        rows = Tenant.objects.filter(public_id=run.operation.tenant_public_id, state__in=[TenantState.ACTIVE, TenantState.MOVING])
        if not rows.update(state=TenantState.MOVING, updated_at=now()):
            raise MoveNotPossible("The tenant's state has changed meanwhile")
    tenancy.forget_directory()
    pause(QUIET_SECONDS)
    fence.wait_for_migration(run.operation.tenant_public_id)
    with tenancy.public_scope():
        if Tenant.objects.get(public_id=run.operation.tenant_public_id).fingerprint != run.data["fingerprint"]:
            raise MoveNotPossible("The tenant was migrated meanwhile")
    _wait_for_workers(run)


def _open_window(run: Run) -> None:
    """Also takes `window` back, which may not even have begun."""
    with tenancy.public_scope():
        rows = Tenant.objects.filter(public_id=run.operation.tenant_public_id, state=TenantState.MOVING)
        rows.update(state=TenantState.ACTIVE, updated_at=now())
    tenancy.forget_directory()


def _forbid_writing(run: Run) -> None:
    fence.forbid_writing(**run.data["source"])


def _allow_writing(run: Run) -> None:
    fence.allow(**run.data["source"])


def _load(run: Run) -> None:
    with sources.snapshot(_reference_at(run, "source"), is_portable=False) as source:
        copied = copying.load_all(run, source, without=frozenset())
    run.data["rows"] = {name: dataclasses.asdict(facts) for name, facts in copied.items()}


def _check_unchanged(run: Run) -> None:
    """Raises MoveNotPossible where a row was written since the move."""
    source = run.data["source"]
    with owner_connection(source["cluster"]) as connection:
        found = {name: dataclasses.asdict(facts) for name, facts in tables.measure_all(connection, source["schema"]).items()}
    changed = sorted(name for name in found if found[name] != run.data["rows"].get(name))
    if changed:
        raise MoveNotPossible(f"Something was written since the move: {', '.join(changed[:5])}")


def _unseal(run: Run) -> None:
    fence.allow(**run.data["target"])


def _seal_again(run: Run) -> None:
    fence.forbid_writing(**run.data["target"])
    fence.forbid_everything(**run.data["target"])


def _switch(run: Run) -> None:
    """The registry names the new place; the window stays closed until every process has heard of it."""
    with tenancy.public_scope():
        _write_place(run)
    tenancy.forget_directory()
    pause(QUIET_SECONDS)


def _switch_back(run: Run) -> None:
    """A run that died between the switch and its note in the journal is undone as well: nothing could be written meanwhile."""
    with tenancy.public_scope():
        Tenant.objects.filter(public_id=run.operation.tenant_public_id).update(**_columns(run.data["source"]))
    tenancy.forget_directory()
    pause(QUIET_SECONDS)


@unit_of_work
def _write_place(run: Run) -> None:
    source, target = run.data["source"], run.data["target"]
    tenant = Tenant.objects.select_for_update().get(public_id=run.operation.tenant_public_id)
    if tenant.schema_name == target["schema"]:
        return
    if tenant.fingerprint != run.data["fingerprint"]:
        raise MoveNotPossible("The tenant was migrated meanwhile, its other schema was not")
    Tenant.objects.filter(pk=tenant.pk).update(**_columns(target))
    record(TenantMoved(aggregate_id=tenant.public_id, slug=tenant.slug, source=source["cluster"], target=target["cluster"]))
    record_audit(
        action=f"tenant.{run.operation.kind}",
        object_type="tenant",
        object_id=tenant.public_id,
        changes={"cluster": [source["cluster"], target["cluster"]]},
    )


def _columns(place: dict[str, str]) -> dict[str, Any]:  # Any: column values
    return {"cluster": place["cluster"], "schema_name": place["schema"], "role_name": place["schema"], "updated_at": now()}


def _seal(run: Run) -> None:
    fence.forbid_everything(**run.data["source"])


def _drop_source(run: Run) -> None:
    copying.drop(**run.data["source"])
    with tenancy.public_scope():
        _end(TenantOperation.objects.get(pk=run.data["move"]), OperationState.UNDONE)


def _end(move: TenantOperation, state: str) -> None:
    TenantOperation.objects.filter(pk=move.pk).update(state=state, finished_at=now(), updated_at=now())
    move.state = state


def _wait_for_workers(run: Run) -> None:
    """Lets deliveries end that workers hold, so that none is told to the outside world and forgotten here. A dead worker's lease
    runs out before the patience does; its delivery is tried again after the move, like after any death."""
    autodiscover_modules("provisioning")
    waited = 0.0
    while waited < BUSY_SECONDS and _is_busy(_reference_at(run, "source")):
        run.reporter.reached("window.busy", int(waited), int(BUSY_SECONDS))
        pause(_BUSY_PAUSE)
        waited += _BUSY_PAUSE


def _is_busy(tenant: TenantRef) -> bool:
    with tenancy.tenant_scope(tenant):
        return any(is_busy() for is_busy in BUSY.all().values())


def _reference_at(run: Run, place: str) -> TenantRef:
    with tenancy.public_scope():
        tenant = Tenant.objects.get(public_id=run.operation.tenant_public_id)
    where = run.data[place]
    reference = as_ref(tenant, host_of(tenant.slug))
    return dataclasses.replace(reference, cluster=where["cluster"], schema=where["schema"], role=where["schema"])


def pause(seconds: float) -> None:
    """Waits; a function of its own, so that tests can look at the registry meanwhile instead."""
    time.sleep(seconds)


_WINDOW = Step("window", _close_window, _open_window)
_FENCE = Step("fence", _forbid_writing, _allow_writing)
_SWITCH = Step("switch", _switch, _switch_back)
_AFTER = (Step("seal", _seal), Step("open", _open_window))
journal.VERBS.register(OperationKind.MOVE)(
    Verb(
        OperationKind.MOVE,
        (_WINDOW, _FENCE, Step("build", copying.build, copying.drop_built), Step("load", _load), _SWITCH, *_AFTER),
        forward_from="seal",
        ends_as=OperationState.WAITING,
    )
)
journal.VERBS.register(OperationKind.MOVE_BACK)(
    Verb(
        OperationKind.MOVE_BACK,
        (
            _WINDOW,
            _FENCE,
            Step("compare", _check_unchanged),
            Step("unseal", _unseal, _seal_again),
            _SWITCH,
            *_AFTER,
            Step("drop", _drop_source),
        ),
        forward_from="seal",
    )
)

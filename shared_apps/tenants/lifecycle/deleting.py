"""Deleting a tenant for good, with a certificate that says what was there and that nothing is left."""

import dataclasses
import hashlib
import uuid
from typing import Any

import orjson
from kernel import storage, tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.audit.models import AuditEntry
from shared_apps.tenants import names
from shared_apps.tenants.errors import DeletionUnfinished, MoveNotPossible, TenantStateConflict
from shared_apps.tenants.events import TenantDeleted, TenantDeletionBegun
from shared_apps.tenants.lifecycle import copying, fence, journal, moving, tables, traces
from shared_apps.tenants.lifecycle.journal import Reporter, Run, Step, Verb
from shared_apps.tenants.models import (
    ChannelRoute,
    Domain,
    DueTenant,
    NameKind,
    OperationKind,
    OperationState,
    Tenant,
    TenantOperation,
    TenantState,
)
from shared_apps.tenants.selectors import forget_routes, host_of

Certificate = dict[str, Any]  # Any: JSON
DELETABLE = (TenantState.ACTIVE, TenantState.SUSPENDED, TenantState.ARCHIVED, TenantState.DELETING)


def delete_tenant(*, slug: str, reporter: Reporter | None = None) -> Certificate:
    """Deletes the tenant with this slug and returns the certificate; carries an unfinished deletion on, and repeats the certificate of
    a finished one.

    From its first step on there is no way back. Raises TenantStateConflict, MoveNotPossible, OperationRunning where it may not begin.
    """
    reporter = reporter or journal.Silence()
    operation = _unfinished(slug) or _begin(slug)
    if operation.state == OperationState.RUNNING:
        journal.carry_out(operation, reporter)
    certificate: Certificate = operation.data["certificate"]
    return certificate


def find_deletion(slug: str) -> TenantOperation | None:
    """The last deletion of a tenant of this slug."""
    with tenancy.public_scope():
        return TenantOperation.objects.filter(slug=slug, kind=OperationKind.DELETE).order_by("-id").first()


def _unfinished(slug: str) -> TenantOperation | None:
    deletion = find_deletion(slug)
    if deletion is None:
        return None
    with tenancy.public_scope():
        is_there_anew = Tenant.objects.filter(slug=slug).exclude(public_id=deletion.tenant_public_id).exists()
    return None if is_there_anew else deletion


def _begin(slug: str) -> TenantOperation:
    with tenancy.public_scope():
        tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise TenantStateConflict(f"There is no tenant {slug}", state="none")
    if tenant.state not in DELETABLE:
        raise TenantStateConflict(f"The tenant is {tenant.state}", state=tenant.state)
    if moving.waiting_move(tenant) is not None:
        raise MoveNotPossible("A move of this tenant waits: confirm it or take it back first")
    with tenancy.public_scope():
        hosts = list(tenant.domains.values_list("domain", flat=True))
        routes = list(tenant.channel_routes.order_by("id").values_list("connector", "external_id"))
    data = {
        "place": {"cluster": tenant.cluster, "schema": tenant.schema_name},
        "hosts": sorted({host_of(slug), *hosts}),
        "addresses": sorted(f"{connector}:{external_id}" for connector, external_id in routes),
        "removed": {"channel_routes": len(routes)},
    }
    return journal.begin(kind=OperationKind.DELETE, tenant_id=tenant.public_id, slug=slug, data=data)


# --- steps -------------------------------------------------------------------------------------------------------------
def _close(run: Run) -> None:
    """Nobody comes in any more, by page, key, socket, mail or hook; and nobody else gets the names. Then all processes have heard of it."""
    with tenancy.public_scope():
        _close_row(run)
    tenancy.forget_directory()
    forget_routes()
    moving.pause(moving.QUIET_SECONDS)
    fence.wait_for_migration(run.operation.tenant_public_id)


@unit_of_work
def _close_row(run: Run) -> None:
    operation, data = run.operation, run.data
    tenant = Tenant.objects.select_for_update().filter(public_id=operation.tenant_public_id).first()
    if tenant is None or tenant.state == TenantState.DELETING:
        return
    if tenant.state not in DELETABLE:
        raise TenantStateConflict(f"The tenant is {tenant.state}", state=tenant.state)
    before = tenant.state
    Tenant.objects.filter(pk=tenant.pk).update(state=TenantState.DELETING, updated_at=now())
    ChannelRoute.objects.filter(tenant=tenant).delete()
    DueTenant.objects.filter(tenant=tenant).delete()
    names.retire(NameKind.SLUG, [operation.slug], tenant_id=tenant.public_id)
    names.retire(NameKind.HOST, data["hosts"], tenant_id=tenant.public_id)
    names.retire(NameKind.ADDRESS, data["addresses"], tenant_id=tenant.public_id)
    record(TenantDeletionBegun(aggregate_id=tenant.public_id, slug=operation.slug))
    record_audit(
        action="tenant.deleting", object_type="tenant", object_id=tenant.public_id, changes={"state": [before, TenantState.DELETING]}
    )


def _digest(run: Run) -> None:
    """What was there, before it goes: rows and digest of each table, number of files. Written once; a schema that is gone adds nothing."""
    if "tables" in run.data:
        return
    place = run.data["place"]
    with owner_connection(place["cluster"]) as connection:
        if fence.exists(connection, place["schema"]):
            found = tables.measure_all(connection, place["schema"])
            run.data["tables"] = {name: dataclasses.asdict(facts) for name, facts in found.items()}
    run.data["removed"]["files"] = sum(1 for _ in storage.keys_of(run.operation.tenant_public_id))
    run.save()


def _drop_schema(run: Run) -> None:
    copying.drop(**run.data["place"])


def _remove_files(run: Run) -> None:
    storage.remove_all(run.operation.tenant_public_id)


def _clear_redis(run: Run) -> None:
    traces.remove_redis_keys(run.operation.tenant_public_id, run.data["place"]["schema"])


def _unregister(run: Run) -> None:
    with tenancy.public_scope():
        tenant = Tenant.objects.filter(public_id=run.operation.tenant_public_id).first()
        if tenant is not None:
            Domain.objects.filter(tenant=tenant).delete()
            tenant.delete()
    tenancy.forget_directory()
    forget_routes()


def _certify(run: Run) -> None:
    """Raises DeletionUnfinished where something is left; the deletion is then carried on by the next run."""
    operation, data = run.operation, run.data
    found = traces.find_traces(tenant_id=operation.tenant_public_id, schema=data["place"]["schema"], slug=operation.slug)
    if any(found.values()):
        # A late request may have touched a key meanwhile: what can be removed again is, and looked for once more.
        _remove_files(run)
        _clear_redis(run)
        found = traces.find_traces(tenant_id=operation.tenant_public_id, schema=data["place"]["schema"], slug=operation.slug)
    if any(found.values()):
        raise DeletionUnfinished(f"Found: {found}"[:400], traces=found)
    if "certificate" not in data:
        data["certificate"] = _certificate(operation, found)
        del data["addresses"]
        run.save()
    with tenancy.public_scope():
        _note(operation)


@unit_of_work
def _note(operation: TenantOperation) -> None:
    certificate = operation.data["certificate"]
    if _is_noted(operation.tenant_public_id):
        return
    record(TenantDeleted(aggregate_id=operation.tenant_public_id, slug=operation.slug))
    record_audit(
        action="tenant.deleted", object_type="tenant", object_id=operation.tenant_public_id, changes={"certificate": [None, certificate]}
    )


def _is_noted(tenant_id: uuid.UUID) -> bool:
    return AuditEntry.objects.filter(action="tenant.deleted", object_type="tenant", object_id=tenant_id).exists()


def _certificate(operation: TenantOperation, found: dict[str, list[str]]) -> Certificate:
    data = operation.data
    body: Certificate = {
        "format": "atende-deletion",
        "version": 1,
        "tenant_id": str(operation.tenant_public_id),
        "slug": operation.slug,
        "cluster": data["place"]["cluster"],
        "schema": data["place"]["schema"],
        "begun_at": operation.started_at.isoformat(),
        "ended_at": now().isoformat(),
        "tables": data.get("tables", {}),
        "removed": data["removed"],
        "blocked": {"hosts": data["hosts"], "addresses": len(data["addresses"]), "days": names.BLOCKED_FOR.days},
        "found_afterwards": found,
        "not_covered": "backups and WAL, until they age out; channel secrets in them open with the installation's secret key",
    }
    body["sha256"] = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return body


journal.VERBS.register(OperationKind.DELETE)(
    Verb(
        OperationKind.DELETE,
        (
            Step("close", _close),
            Step("digest", _digest),
            Step("schema", _drop_schema),
            Step("files", _remove_files),
            Step("redis", _clear_redis),
            Step("registry", _unregister),
            Step("certify", _certify),
        ),
        forward_from="close",
    )
)

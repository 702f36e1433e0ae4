"""Making a new tenant of an archive or of another tenant."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db import IntegrityError
from django.utils.module_loading import autodiscover_modules
from kernel import crypto, storage, tenancy
from kernel.db.routing import clusters
from kernel.ids import new_id
from kernel.problems import FieldError, ValidationProblem
from kernel.tenancy import DEFAULT_CLUSTER, TenantRef
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.accounts import services as accounts
from shared_apps.audit import trail
from shared_apps.tenants import names, pinned, schemas
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.errors import ArchiveRefused, CopyDiffers, ExportRefused, TenantStateConflict
from shared_apps.tenants.events import TenantImported
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import archive, copying, journal, sources, tables
from shared_apps.tenants.lifecycle.archive import Manifest
from shared_apps.tenants.lifecycle.exporting import EXPORTABLE
from shared_apps.tenants.lifecycle.journal import Reporter, Run, Step, Verb
from shared_apps.tenants.lifecycle.passphrase import Wrapping
from shared_apps.tenants.lifecycle.tables import Meter
from shared_apps.tenants.models import ChannelRoute, Domain, NameKind, OperationKind, Tenant, TenantOperation, TenantState
from shared_apps.tenants.registry import ADOPTERS, Adoption, RouteWish
from shared_apps.tenants.selectors import host_of
from shared_apps.tenants.services.routes import add_channel_route


def import_tenant(
    *, path: Path, slug: str, cluster: str = DEFAULT_CLUSTER, passphrase: str = "", reporter: Reporter | None = None
) -> Tenant:
    """Makes a new tenant of an archive and opens it; what waited to be sent is held. Safe to repeat after a crash.

    Raises ArchiveRefused, ValidationProblem, OperationRunning; nothing is changed or left behind then.
    """
    reporter = reporter or journal.Silence()
    slug = slug.strip()
    finished = _finished_before(slug, OperationKind.IMPORT, reporter)
    if finished is not None:
        return finished
    with archive.opened(path) as source:
        manifest = source.manifest
        former = uuid.UUID(manifest["tenant"]["id"]) if archive.is_ours(manifest) else None
        check_target(slug, cluster, former_owner=former)
        source.check()
        operation = _begin(OperationKind.IMPORT, slug, cluster, {**_origin_of(manifest, passphrase), "is_ours": former is not None})
        journal.carry_out(operation, reporter, source=source)
    return _made(operation)


def clone_tenant(*, tenant: Tenant, slug: str, cluster: str = "", reporter: Reporter | None = None) -> Tenant:
    """Makes a copy of a tenant from which nothing can ever leave. Safe to repeat after a crash.

    Raises ValidationProblem, TenantStateConflict, ExportRefused, OperationRunning; nothing is changed or left behind then.
    """
    reporter = reporter or journal.Silence()
    slug, cluster = slug.strip(), cluster or tenant.cluster
    finished = _finished_before(slug, OperationKind.CLONE, reporter)
    if finished is not None:
        return finished
    if tenant.state not in EXPORTABLE:
        raise TenantStateConflict(f"The tenant is {tenant.state}", state=tenant.state)
    if tenant.fingerprint != tenant_fingerprint():
        raise ExportRefused("The tenant's schema is behind; run migrate_platform first")
    check_target(slug, cluster)
    with tenancy.public_scope():
        routed = list(tenant.channel_routes.order_by("id").values_list("connector", "external_id"))
    origin = {
        "origin": str(tenant.public_id),
        "former_host": host_of(tenant.slug),
        "name": tenant.name,
        "owner_email": tenant.owner_email,
        "routed": [list(pair) for pair in routed],
        "secrets": {},
        "is_ours": True,
    }
    operation = _begin(OperationKind.CLONE, slug, cluster, origin)
    with sources.snapshot(as_ref(tenant, host_of(tenant.slug)), is_portable=True) as source:
        journal.carry_out(operation, reporter, source=source)
    return _made(operation)


def check_target(slug: str, cluster: str, *, former_owner: uuid.UUID | None = None) -> None:
    """Raises ValidationProblem for a slug that may not be taken or a cluster that is not there."""
    with tenancy.public_scope():
        faults = names.slug_faults(slug, former_owner=former_owner)
    if cluster not in clusters():
        faults.append(FieldError("/cluster", "unknown", "This installation has no cluster of this name"))
    if faults:
        raise ValidationProblem(faults)


def _finished_before(slug: str, kind: str, reporter: Reporter) -> Tenant | None:
    """Ends what an earlier run left: the tenant if that run had come far enough, otherwise nothing of it is left."""
    with tenancy.public_scope():
        former = journal.running_operation(slug=slug)
    if former is None or former.kind != kind or not journal.settle(former, reporter):
        return None
    return _made(former)


def _begin(kind: str, slug: str, cluster: str, origin: dict[str, Any]) -> TenantOperation:  # Any: JSON
    data = {**origin, "target": {"cluster": cluster, "schema": schemas.new_schema_name()}}
    return journal.begin(kind=kind, tenant_id=new_id(), slug=slug, data=data)


def _origin_of(manifest: Manifest, passphrase: str) -> dict[str, Any]:  # Any: JSON
    """What the operation keeps of the manifest. Secrets are sealed for this installation at once, so that no passphrase is kept."""
    wrapping = None
    if passphrase:
        if not manifest["secrets"]:
            raise ArchiveRefused("The archive was written without a passphrase and holds no secrets")
        wrapping = Wrapping.of_manifest(manifest["secrets"], passphrase)
    secrets = {}
    for route in manifest["routes"]:
        if wrapping is not None and route["secret"]:
            name = f"channelroute:{route['connector']}:{route['external_id']}"
            secrets[name] = crypto.seal(wrapping.unwrap(route["secret"], context=name).encode(), context=f"import:{name}")
    return {
        "origin": manifest["tenant"]["id"],
        "former_host": (manifest["tenant"]["hosts"] or [""])[0],
        "name": manifest["tenant"]["name"],
        "owner_email": manifest["tenant"]["owner_email"],
        "routed": [[route["connector"], route["external_id"]] for route in manifest["routes"]],
        "secrets": secrets,
    }


def _reference(run: Run) -> TenantRef:
    """The new tenant before the registry knows it."""
    operation, target = run.operation, run.data["target"]
    return TenantRef(
        id=operation.tenant_public_id,
        slug=operation.slug,
        name=run.data["name"],
        schema=target["schema"],
        role=target["schema"],
        state=TenantState.SUSPENDED,
        host=host_of(operation.slug),
        fingerprint=tenant_fingerprint(),
        cluster=target["cluster"],
        is_outward_paused=True,  # whatever an adopter does
    )


def _load(run: Run) -> None:
    reference = _reference(run)
    copying.load_all(run, run.context["source"], without=tables.SECRETS, owned_by=str(reference.id))
    with tenancy.tenant_scope(reference):
        pinned.check_pins()


def _store_files(run: Run) -> None:
    tenant_id, source = run.operation.tenant_public_id, run.context["source"]
    for number, file in enumerate(source.files(), 1):
        meter = Meter()
        storage.put_blocks(f"{tenant_id}/{file.key}", meter.through(source.file_blocks(file)))
        if (meter.facts().sha256, meter.facts().bytes) != (file.sha256, file.size):
            raise CopyDiffers(f"The stored file {file.key} differs from the original")
        run.reporter.reached("files.stored", number)


def _remove_files(run: Run) -> None:
    storage.remove_all(run.operation.tenant_public_id)


def _adopt(run: Run) -> None:
    """Makes the rows those of the new tenant: invitations, inboxes, what waits to be sent, and the audit chain's boundary."""
    autodiscover_modules("provisioning")
    reference, adoption = _reference(run), _adoption(run)
    with tenancy.tenant_scope(reference), unit_of_work():
        trail.begin_after_import(tenant_id=reference.id, origin=uuid.UUID(run.data["origin"]), is_ours=run.data["is_ours"])
        accounts.end_open_invitations()
        wishes = [wish for adopter in ADOPTERS.all().values() for wish in adopter(reference, adoption)]
    run.data["wishes"] = [[wish.connector, wish.external_id, str(wish.inbox_id), wish.former] for wish in wishes]


def _adoption(run: Run) -> Adoption:
    routed = frozenset((str(connector), str(address)) for connector, address in run.data["routed"])
    former = uuid.UUID(run.data["origin"]) if run.data["is_ours"] and not _is_clone(run) else None
    with tenancy.public_scope():
        taken = {pair for pair in routed if _is_taken(*pair, former_owner=former)}
    has_secret = frozenset(pair for pair in routed if f"channelroute:{pair[0]}:{pair[1]}" in run.data["secrets"])
    return Adoption(
        former_host=run.data["former_host"], is_clone=_is_clone(run), taken=frozenset(taken), routed=routed, has_secret=has_secret
    )


def _is_taken(connector: str, address: str, *, former_owner: uuid.UUID | None) -> bool:
    is_used = ChannelRoute.objects.filter(connector=connector, external_id=address).exists()
    return is_used or names.is_retired(NameKind.ADDRESS, f"{connector}:{address}", former_owner=former_owner)


def _is_clone(run: Run) -> bool:
    return run.operation.kind == OperationKind.CLONE


def _register(run: Run) -> None:
    with tenancy.public_scope():
        _create_row(run, _reference(run))


@unit_of_work
def _create_row(run: Run, reference: TenantRef) -> None:
    """The tenant's row, closed until its routes are there."""
    former = uuid.UUID(run.data["origin"]) if run.data["is_ours"] else None
    try:
        tenant = Tenant.objects.create(
            public_id=reference.id,
            schema_name=reference.schema,
            role_name=reference.role,
            fingerprint=reference.fingerprint,
            cluster=reference.cluster,
            name=reference.name,
            slug=reference.slug,
            owner_email=run.data["owner_email"],
            state=TenantState.SUSPENDED,
            is_outward_paused=_is_clone(run),
        )
        Domain.objects.create(tenant=tenant, domain=reference.host, is_primary=True)
    except IntegrityError as error:
        raise ValidationProblem([FieldError("/slug", "taken", "Another organization uses this address already")]) from error
    if former is not None and not _is_clone(run):
        addresses = [f"{connector}:{external_id}" for connector, external_id, *_ in run.data["wishes"]]
        names.release(tenant_id=former, slug=reference.slug, addresses=addresses)
    record(TenantImported(aggregate_id=reference.id, slug=reference.slug, is_clone=_is_clone(run)))
    changes = {"slug": [None, reference.slug], "origin": [None, run.data["origin"]]}
    record_audit(action=f"tenant.{run.operation.kind}", object_type="tenant", object_id=reference.id, changes=changes)


@unit_of_work
def _delete_row(tenant_id: uuid.UUID, kind: str) -> None:
    row = Tenant.objects.filter(public_id=tenant_id)
    if row.exists():
        row.delete()
        record_audit(action=f"tenant.{kind}_undone", object_type="tenant", object_id=tenant_id)


def _unregister(run: Run) -> None:
    with tenancy.public_scope():
        _delete_row(run.operation.tenant_public_id, run.operation.kind)


def _add_routes(run: Run) -> None:
    wishes = [RouteWish(wish[0], wish[1], uuid.UUID(wish[2]), wish[3]) for wish in run.data["wishes"]]
    reference = _reference(run)
    lost = [wish.external_id for wish in wishes if not _add_route(run, reference, wish)]
    run.data["attention"] = len(lost)


def _add_route(run: Run, reference: TenantRef, wish: RouteWish) -> bool:
    """False where somebody took the address since `adopt` looked; the inbox then has none, which its admin sees."""
    name = f"channelroute:{wish.connector}:{wish.former}"
    sealed = run.data["secrets"].get(name, "")
    secret = crypto.unseal(sealed, context=f"import:{name}").decode() if sealed else ""
    try:
        add_channel_route(tenant=reference, connector=wish.connector, external_id=wish.external_id, inbox_id=wish.inbox_id, secret=secret)
    except IntegrityError:
        return False
    return True


def _open(run: Run) -> None:
    """May run again after it has forgotten: it needs nothing but the tenant's id."""
    with tenancy.public_scope():
        Tenant.objects.filter(public_id=run.operation.tenant_public_id, state=TenantState.SUSPENDED).update(state=TenantState.ACTIVE)
    tenancy.forget_directory()
    _forget_contents(run)


def _drop_built(run: Run) -> None:
    copying.drop_built(run)
    _forget_contents(run)


def _forget_contents(run: Run) -> None:
    """The row outlives the tenant, so it keeps where the tenant came from but nothing of what it had."""
    kept = {"origin", "is_ours", "target", "attention"}
    for name in set(run.data) - kept:
        del run.data[name]


def _made(operation: TenantOperation) -> Tenant:
    with tenancy.public_scope():
        return Tenant.objects.get(public_id=operation.tenant_public_id)


def _verb(kind: str) -> Verb:
    steps: Iterable[Step] = (
        Step("build", copying.build, _drop_built),
        Step("load", _load),
        Step("files", _store_files, _remove_files),
        Step("adopt", _adopt),
        Step("register", _register, _unregister),
        Step("routes", _add_routes),
        Step("open", _open),
    )
    return Verb(kind, tuple(steps), forward_from="routes")


journal.VERBS.register(OperationKind.IMPORT)(_verb(OperationKind.IMPORT))
journal.VERBS.register(OperationKind.CLONE)(_verb(OperationKind.CLONE))

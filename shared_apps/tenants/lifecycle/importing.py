"""Making a new tenant of an archive or of another tenant."""

import uuid
from pathlib import Path
from typing import Any

from kernel import crypto, tenancy
from kernel.db.routing import clusters
from kernel.ids import new_id
from kernel.problems import FieldError, ValidationProblem
from kernel.tenancy import DEFAULT_CLUSTER

from shared_apps.tenants import names, schemas
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.errors import ArchiveRefused, ExportRefused, TenantStateConflict
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import archive, copying, journal, newcomer, sources
from shared_apps.tenants.lifecycle.archive import Manifest
from shared_apps.tenants.lifecycle.exporting import EXPORTABLE
from shared_apps.tenants.lifecycle.journal import Reporter, Step, Verb
from shared_apps.tenants.lifecycle.passphrase import Wrapping
from shared_apps.tenants.models import OperationKind, Tenant, TenantOperation
from shared_apps.tenants.selectors import host_of


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


def _made(operation: TenantOperation) -> Tenant:
    with tenancy.public_scope():
        return Tenant.objects.get(public_id=operation.tenant_public_id)


def _verb(kind: str) -> Verb:
    steps = (
        Step("build", copying.build, newcomer.drop_built),
        Step("load", newcomer.load),
        Step("files", newcomer.store_files, newcomer.remove_files),
        Step("adopt", newcomer.adopt),
        Step("register", newcomer.register, newcomer.unregister),
        Step("routes", newcomer.add_routes),
        Step("open", newcomer.open_tenant),
    )
    return Verb(kind, steps, forward_from="routes")


journal.VERBS.register(OperationKind.IMPORT)(_verb(OperationKind.IMPORT))
journal.VERBS.register(OperationKind.CLONE)(_verb(OperationKind.CLONE))

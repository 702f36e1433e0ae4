"""Writing a tenant to one file."""

import tempfile
import uuid
from pathlib import Path
from typing import Any

import orjson
from kernel import crypto, tenancy
from kernel.clock import now
from kernel.tenancy import TenantRef
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.audit import trail
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.errors import ExportRefused, TenantStateConflict
from shared_apps.tenants.events import TenantExported
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import archive, journal, sources, tables
from shared_apps.tenants.lifecycle.archive import ArchiveWriter, Manifest
from shared_apps.tenants.lifecycle.journal import Reporter, Run, Step, Verb, counting
from shared_apps.tenants.lifecycle.passphrase import Wrapping
from shared_apps.tenants.lifecycle.sources import LiveSource
from shared_apps.tenants.models import OperationKind, Tenant, TenantOperation, TenantState
from shared_apps.tenants.selectors import host_of

EXPORTABLE = (TenantState.ACTIVE, TenantState.SUSPENDED)


def export_tenant(*, tenant: Tenant, path: Path, passphrase: str = "", reporter: Reporter | None = None) -> Manifest:
    """Writes an active or suspended tenant to `path`, as it is at one instant. Returns the figures of the manifest.

    Work on the tenant goes on meanwhile. Raises ExportRefused, TenantStateConflict, OperationRunning; nothing is left behind then.
    """
    reporter = reporter or journal.Silence()
    path = path.absolute()
    settle_former(tenant, OperationKind.EXPORT, reporter)
    _check(tenant, path)
    data = {"file": str(path), "partial": str(archive.partial_of(path))}
    operation = journal.begin(kind=OperationKind.EXPORT, tenant_id=tenant.public_id, slug=tenant.slug, data=data)
    context: dict[str, Any] = {"wrapping": Wrapping(passphrase) if passphrase else None}  # Any: what the step needs
    journal.carry_out(operation, reporter, tenant=tenant, **context)
    manifest: Manifest = operation.data["manifest"]
    return manifest


def settle_former(tenant: Tenant, kind: str, reporter: Reporter) -> TenantOperation | None:
    """Ends what an earlier run of the same command left; returns it if it was carried on to its end."""
    with tenancy.public_scope():
        former = journal.running_operation(tenant_id=tenant.public_id)
    if former is None or former.kind != kind:
        return None
    return former if journal.settle(former, reporter) else None


def _check(tenant: Tenant, path: Path) -> None:
    if tenant.state not in EXPORTABLE:
        raise TenantStateConflict(f"The tenant is {tenant.state}", state=tenant.state)
    if tenant.fingerprint != tenant_fingerprint():
        raise ExportRefused("The tenant's schema is behind; run migrate_platform first")
    if path.exists():
        raise ExportRefused(f"{path} exists already")
    if not path.parent.is_dir():
        raise ExportRefused(f"There is no folder {path.parent}")


def _write(run: Run) -> None:
    tenant: Tenant = run.context["tenant"]
    reference = as_ref(tenant, host_of(tenant.slug))
    writer = ArchiveWriter(Path(run.data["file"]), partial=Path(run.data["partial"]))
    try:
        with sources.snapshot(reference, is_portable=True) as source:
            manifest = {
                **_facts(tenant, reference, run.context["wrapping"]),
                "tables": _write_tables(writer, source, run.reporter),
                "sequences": source.sequences(),
                "files": _write_files(writer, source, run.reporter),
                "audit": _chain(reference),
            }
        manifest["files"]["missing"] = len(source.missing)
        manifest["seal"] = archive.seal_of(manifest)
        with tenancy.tenant_scope(reference):
            _note_at_home(tenant_id=tenant.public_id, manifest=manifest)
        writer.finish(manifest)
    finally:
        writer.close()
    # The row outlives the tenant: it keeps figures, and neither names nor addresses.
    run.data["manifest"] = {name: manifest[name] for name in ("tables", "files", "audit", "seal")}
    with tenancy.public_scope():
        _note(tenant=tenant, manifest=manifest)


@unit_of_work
def _note_at_home(*, tenant_id: uuid.UUID, manifest: Manifest) -> None:
    """The tenant's own people find it in their own trail, and before there is a file: who cannot be told of is not taken out."""
    record_audit(action="tenant.export", object_type="tenant", object_id=tenant_id, changes=_figures(manifest))


@unit_of_work
def _note(*, tenant: Tenant, manifest: Manifest) -> None:
    record(TenantExported(aggregate_id=tenant.public_id, slug=tenant.slug))
    record_audit(action="tenant.export", object_type="tenant", object_id=tenant.public_id, changes=_figures(manifest))


def _figures(manifest: Manifest) -> dict[str, Any]:  # Any: JSON
    return {"seal": [None, manifest["seal"]], "tables": [None, len(manifest["tables"])]}


def _remove_partial(run: Run) -> None:
    Path(run.data["partial"]).unlink(missing_ok=True)


def _facts(tenant: Tenant, reference: TenantRef, wrapping: Wrapping | None) -> Manifest:
    with tenancy.public_scope():
        hosts = list(tenant.domains.order_by("-is_primary", "domain").values_list("domain", flat=True))
        routes = [_route(route, wrapping) for route in tenant.channel_routes.order_by("connector", "external_id")]
    return {
        "format": archive.FORMAT,
        "version": archive.VERSION,
        "created_at": now().isoformat(),
        "fingerprint": tenant.fingerprint,
        "installation": archive.installation(),
        "tenant": {
            "id": str(reference.id),
            "name": tenant.name,
            "slug": tenant.slug,
            "owner_email": tenant.owner_email,
            "hosts": hosts,
            "created_at": tenant.created_at.isoformat(),
            "state": tenant.state,
        },
        "routes": routes,
        "secrets": wrapping.parameters() if wrapping else None,
        "left_out": sorted(tables.SECRETS | tables.BUILT),
    }


def _route(route: Any, wrapping: Wrapping | None) -> dict[str, Any]:  # Any: a channel route; JSON
    name = f"channelroute:{route.connector}:{route.external_id}"
    secret = crypto.unseal(route.secret, context=name).decode() if route.secret else ""
    return {
        "connector": route.connector,
        "external_id": route.external_id,
        "inbox_id": str(route.inbox_id),
        "is_active": route.is_active,
        "has_secret": bool(secret),
        "secret": wrapping.wrap(secret, context=name) if secret and wrapping else None,
    }


def _write_tables(writer: ArchiveWriter, source: LiveSource, reporter: Reporter) -> dict[str, Any]:  # Any: JSON
    total, before, written = source.row_count(), 0, {}
    for table in source.tables():
        told = counting(reporter, "write.rows", before, total)
        facts = writer.add(f"tables/{table.name}.copy", source.rows(table), told)
        written[table.name] = {"columns": list(table.columns), "rows": facts.rows, "bytes": facts.bytes, "sha256": facts.sha256}
        before += facts.rows
    return written


def _write_files(writer: ArchiveWriter, source: LiveSource, reporter: Reporter) -> dict[str, Any]:  # Any: JSON
    """Each content once; the list of keys is a member of its own, gathered on disk, since it may be long."""
    written: set[bytes] = set()
    with tempfile.TemporaryFile() as lines:
        for number, file in enumerate(source.files(), 1):
            if bytes.fromhex(file.sha256) not in written:
                writer.add(f"files/{file.sha256}", source.file_blocks(file))
                written.add(bytes.fromhex(file.sha256))
            lines.write(orjson.dumps({"key": file.key, "sha256": file.sha256, "size": file.size}) + b"\n")
            reporter.reached("write.files", number)
        lines.seek(0)
        facts = writer.add(archive.FILES, iter(lambda: lines.read(tables.BLOCK), b""))
    return {"rows": facts.rows, "bytes": facts.bytes, "sha256": facts.sha256}


def _chain(tenant: TenantRef) -> dict[str, Any]:  # Any: JSON
    """Whether the audit chain was whole when it left, which another installation could not find out."""
    with tenancy.tenant_scope(tenant):
        return {"broken_at": trail.first_broken_entry(), **trail.head()}


journal.VERBS.register(OperationKind.EXPORT)(Verb(OperationKind.EXPORT, (Step("write", _write, _remove_partial),), forward_from=""))

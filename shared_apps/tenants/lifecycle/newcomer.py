"""The steps that make copied rows a tenant of its own: files, adoption, registration, routes, opening."""

import uuid

from django.db import IntegrityError
from django.utils.module_loading import autodiscover_modules
from kernel import crypto, storage, tenancy
from kernel.problems import FieldError, ValidationProblem
from kernel.tenancy import TenantRef
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.accounts import services as accounts
from shared_apps.audit import trail
from shared_apps.tenants import names, pinned
from shared_apps.tenants.errors import CopyDiffers
from shared_apps.tenants.events import TenantImported
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import copying, tables
from shared_apps.tenants.lifecycle.journal import Run
from shared_apps.tenants.lifecycle.tables import Meter
from shared_apps.tenants.models import ChannelRoute, Domain, NameKind, OperationKind, Tenant, TenantState
from shared_apps.tenants.registry import ADOPTERS, Adoption, RouteWish
from shared_apps.tenants.selectors import host_of
from shared_apps.tenants.services.routes import add_channel_route


def reference_of(run: Run) -> TenantRef:
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


def load(run: Run) -> None:
    """Copies the rows; what they name is compared with what the code has pinned."""
    reference = reference_of(run)
    copying.load_all(run, run.context["source"], without=tables.SECRETS, owned_by=str(reference.id))
    with tenancy.tenant_scope(reference):
        pinned.check_pins()


def store_files(run: Run) -> None:
    """Copies the stored files into the new tenant's folder. Raises CopyDiffers."""
    tenant_id, source = run.operation.tenant_public_id, run.context["source"]
    for number, file in enumerate(source.files(), 1):
        meter = Meter()
        storage.put_blocks(f"{tenant_id}/{file.key}", meter.through(source.file_blocks(file)))
        if (meter.facts().sha256, meter.facts().bytes) != (file.sha256, file.size):
            raise CopyDiffers(f"The stored file {file.key} differs from the original")
        run.reporter.reached("files.stored", number)


def remove_files(run: Run) -> None:
    """Takes `store_files` back."""
    storage.remove_all(run.operation.tenant_public_id)


def adopt(run: Run) -> None:
    """Makes the rows those of the new tenant: invitations, inboxes, what waits to be sent, and the audit chain's boundary."""
    autodiscover_modules("provisioning")
    reference, adoption = reference_of(run), _adoption(run)
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


def register(run: Run) -> None:
    """The registry knows the tenant from here on. Raises ValidationProblem where somebody was quicker with the slug."""
    with tenancy.public_scope():
        _create_row(run, reference_of(run))


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


def unregister(run: Run) -> None:
    """Takes `register` back."""
    with tenancy.public_scope():
        _delete_row(run.operation.tenant_public_id, run.operation.kind)


def add_routes(run: Run) -> None:
    """Lets mail and hooks find the adopted inboxes."""
    wishes = [RouteWish(wish[0], wish[1], uuid.UUID(wish[2]), wish[3]) for wish in run.data["wishes"]]
    reference = reference_of(run)
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


def open_tenant(run: Run) -> None:
    """May run again after it has forgotten: it needs nothing but the tenant's id."""
    with tenancy.public_scope():
        Tenant.objects.filter(public_id=run.operation.tenant_public_id, state=TenantState.SUSPENDED).update(state=TenantState.ACTIVE)
    tenancy.forget_directory()
    _forget_contents(run)


def drop_built(run: Run) -> None:
    """Takes `copying.build` back; the last thing that is undone."""
    copying.drop_built(run)
    _forget_contents(run)


def _forget_contents(run: Run) -> None:
    """The row outlives the tenant, so it keeps where the tenant came from but nothing of what it had."""
    kept = {"origin", "is_ours", "target", "attention"}
    for name in set(run.data) - kept:
        del run.data[name]

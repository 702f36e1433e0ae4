"""Creating a tenant: validate the slug, claim a spare, set the tenant up, open it."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext as _
from kernel import tenancy
from kernel.db.routing import clusters
from kernel.problems import FieldError, ValidationProblem
from kernel.tenancy import DEFAULT_CLUSTER
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.tenants import schemas
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.events import TenantActivated, TenantCreated
from shared_apps.tenants.models import Domain, Tenant, TenantState
from shared_apps.tenants.names import slug_faults
from shared_apps.tenants.registry import PROVISIONERS
from shared_apps.tenants.selectors import host_of


def create_tenant(*, name: str, slug: str, owner_email: str, cluster: str = DEFAULT_CLUSTER) -> Tenant:
    """Creates and opens a tenant on a cluster. Raises ValidationProblem for bad fields; nothing is written then.

    Claims a spare (about a millisecond) or, where none waits, builds a schema first. Must run in the public scope. The
    steps are separate transactions; a failure after the claim leaves a tenant in `provisioning`, which the scheduler
    completes through `finish_provisioning`.
    """
    name, slug, owner_email = name.strip(), slug.strip(), owner_email.strip().lower()
    _validate(name, slug, owner_email, cluster)
    with tenancy.public_scope():
        tenant = _claim(name=name, slug=slug, owner_email=owner_email, cluster=cluster)
        while tenant is None:  # nobody else's sign-up may take the last one twice: some claim always succeeds
            schemas.build_spare(cluster)
            tenant = _claim(name=name, slug=slug, owner_email=owner_email, cluster=cluster)
    return finish_provisioning(tenant=tenant)


def finish_provisioning(*, tenant: Tenant) -> Tenant:
    """Sets the claimed schema up and opens the tenant. Safe to repeat after a crash at any point."""
    autodiscover_modules("provisioning")
    host = host_of(tenant.slug)
    reference = as_ref(tenant, host)
    with tenancy.tenant_scope(reference), unit_of_work():
        followers = [provisioner(reference, tenant.owner_email) for provisioner in PROVISIONERS.all().values()]
    for follower in followers:
        if follower is not None:
            follower()
    with tenancy.public_scope():
        _open(tenant=tenant)
    tenancy.forget_directory()
    return tenant


@unit_of_work
def _claim(*, name: str, slug: str, owner_email: str, cluster: str) -> Tenant | None:
    """The tenant in a claimed spare, or None where no spare waits."""
    spare = schemas.ready_spares(cluster).select_for_update(skip_locked=True).order_by("id").first()
    if spare is None:
        return None
    try:
        tenant = Tenant.objects.create(
            schema_name=spare.schema_name,
            role_name=spare.role_name,
            fingerprint=spare.fingerprint,
            cluster=spare.cluster,
            name=name,
            slug=slug,
            owner_email=owner_email,
        )
        Domain.objects.create(tenant=tenant, domain=host_of(slug), is_primary=True)
    except IntegrityError as error:
        raise _taken() from error
    spare.delete()
    record(TenantCreated(aggregate_id=tenant.public_id, slug=slug))
    record_audit(
        action="tenant.create", object_type="tenant", object_id=tenant.public_id, changes={"slug": [None, slug], "name": [None, name]}
    )
    return tenant


@unit_of_work
def _open(*, tenant: Tenant) -> None:
    current = Tenant.objects.select_for_update().get(pk=tenant.pk)
    tenant.state = current.state
    if current.state != TenantState.PROVISIONING:
        return
    tenant.state = TenantState.ACTIVE
    tenant.save(update_fields=["state", "updated_at"])
    record(TenantActivated(aggregate_id=tenant.public_id, slug=tenant.slug))


def _validate(name: str, slug: str, owner_email: str, cluster: str) -> None:
    with tenancy.public_scope():
        errors = slug_faults(slug)
    if not name or len(name) > 120 or any(ord(char) < 32 for char in name):
        errors.append(FieldError("/name", "invalid", _("Give the organization a name of at most 120 characters")))
    if cluster not in clusters():
        errors.append(FieldError("/cluster", "unknown", _("This installation has no cluster of this name")))
    try:
        validate_email(owner_email)
    except ValidationError:
        errors.append(FieldError("/owner_email", "invalid", _("This is not an e-mail address")))
    if errors:
        raise ValidationProblem(errors)


def _taken() -> ValidationProblem:
    return ValidationProblem([FieldError("/slug", "taken", _("Another organization uses this address already"))])

"""Tenants, users and operators of demonstrations and tests; every function may run again and changes nothing then."""

from collections.abc import Iterable

from kernel import tenancy
from kernel.actors import SYSTEM, acting_as
from kernel.tenancy import DEFAULT_CLUSTER, TenantRef
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.tenants import services as tenants
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.models import Domain, Tenant
from tenant_apps.access import services as access
from tenant_apps.connectors import services as connectors
from tenant_apps.connectors.models import Inbox

Person = tuple[str, str, str]


def ensure_tenant(*, slug: str, name: str, owner_email: str, cluster: str = DEFAULT_CLUSTER) -> TenantRef:
    """The tenant with this slug, created by the product's own service where there is none."""
    with tenancy.public_scope(), acting_as(SYSTEM):
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            tenant = tenants.create_tenant(name=name, slug=slug, owner_email=owner_email, cluster=cluster)
        domain = Domain.objects.get(tenant=tenant, is_primary=True)
        return as_ref(tenant, domain.domain)


def ensure_form(*, tenant: TenantRef, name: str) -> tuple[str, str] | None:
    """The tenant's generic channel. Returns its route key and secret when it was made just now; they cannot be read again."""
    with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
        if Inbox.objects.filter(connector="api").exists():
            return None
        made = connectors.create_inbox(connector="api", name=name)
        return made.inbox.address, made.secret


def ensure_users(*, tenant: TenantRef, users: Iterable[Person], password: str) -> None:
    """Users given as `(address before the @, name, role)`."""
    with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
        for mailbox, name, role in users:
            email = f"{mailbox}@{tenant.slug}.example"
            if not User.objects.filter(email=email).exists():
                access.grant_role(user=accounts.create_user(email=email, name=name, password=password), role=role)


def ensure_operator(*, email: str, name: str, password: str) -> None:
    """An operator: a user of the public schema."""
    with tenancy.public_scope(), acting_as(SYSTEM):
        if not User.objects.filter(email=email).exists():
            accounts.create_user(email=email, name=name, password=password)

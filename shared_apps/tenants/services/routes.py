"""Channel routes: the public rows that lead an outside address or key to a tenant's inbox."""

import uuid

from kernel import crypto
from kernel.tenancy import TenantRef, public_scope
from kernel.uow import unit_of_work

from shared_apps.tenants.models import ChannelRoute, Tenant
from shared_apps.tenants.selectors import forget_routes


def add_channel_route(*, tenant: TenantRef, connector: str, external_id: str, inbox_id: uuid.UUID, secret: str = "") -> None:
    """Adds or repoints a route of this tenant. `secret` is sealed. Raises IntegrityError where another tenant holds the address."""
    with public_scope(), unit_of_work():
        owner = Tenant.objects.get(public_id=tenant.id)
        sealed = crypto.seal(secret.encode(), context=f"channelroute:{connector}:{external_id}") if secret else ""
        route, created = ChannelRoute.objects.get_or_create(
            connector=connector, external_id=external_id, tenant=owner, defaults={"inbox_id": inbox_id, "secret": sealed}
        )
        if not created:
            route.inbox_id, route.secret, route.is_active = inbox_id, sealed or route.secret, True
            route.save()
    forget_routes()

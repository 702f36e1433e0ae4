"""Channel routes: the public rows that lead an outside address or key to a tenant's inbox."""

import uuid

from django.db import IntegrityError
from kernel import crypto
from kernel.tenancy import TenantRef, public_scope
from kernel.uow import unit_of_work

from shared_apps.tenants.models import ChannelRoute, NameKind, Tenant
from shared_apps.tenants.names import is_retired
from shared_apps.tenants.selectors import forget_routes


def add_channel_route(*, tenant: TenantRef, connector: str, external_id: str, inbox_id: uuid.UUID, secret: str = "") -> None:
    """Adds or repoints a route of this tenant. `secret` is sealed. Raises IntegrityError where another tenant holds the address or a
    deleted one held it lately."""
    with public_scope(), unit_of_work():
        owner = Tenant.objects.get(public_id=tenant.id)
        if is_retired(NameKind.ADDRESS, f"{connector}:{external_id}", former_owner=tenant.id):
            raise IntegrityError("The address belonged to a deleted tenant")
        sealed = crypto.seal(secret.encode(), context=_context(connector, external_id)) if secret else ""
        route, created = ChannelRoute.objects.get_or_create(
            connector=connector, external_id=external_id, tenant=owner, defaults={"inbox_id": inbox_id, "secret": sealed}
        )
        if not created:
            route.inbox_id, route.secret, route.is_active = inbox_id, sealed or route.secret, True
            route.save()
    forget_routes()


def replace_route_secret(*, connector: str, external_id: str, secret: str, keep_current: bool) -> None:
    """Seals a new secret into a route; with `keep_current` the newest of the older ones stays valid beside it."""
    context = _context(connector, external_id)
    with public_scope(), unit_of_work():
        route = ChannelRoute.objects.select_for_update().get(connector=connector, external_id=external_id)
        older = crypto.unseal(route.secret, context=context).decode().split()[:1] if keep_current and route.secret else []
        route.secret = crypto.seal(" ".join([secret, *older]).encode(), context=context)
        route.save(update_fields=["secret"])
    forget_routes()


def _context(connector: str, external_id: str) -> str:
    return f"channelroute:{connector}:{external_id}"

"""A fresh tenant gets its first mail inbox, support@ its own host; a copied one gets inboxes that lead to itself."""

from collections.abc import Callable

from kernel.tenancy import TenantRef
from shared_apps.tenants import services as tenants
from shared_apps.tenants.registry import ADOPTERS, PROVISIONERS, Adoption, RouteWish

from tenant_apps.connectors.services import adopt_inboxes, ensure_first_inbox


@PROVISIONERS.register("connectors")
def open_first_inbox(tenant: TenantRef, _owner_email: str) -> Callable[[], None]:
    """Creates the inbox; its public route follows after the commit. Both may run twice."""
    inbox = ensure_first_inbox(host=tenant.host, name=tenant.name)

    def add_route() -> None:
        tenants.add_channel_route(tenant=tenant, connector="email", external_id=inbox.address, inbox_id=inbox.public_id)

    return add_route


@ADOPTERS.register("connectors")
def lead_inboxes_here(tenant: TenantRef, adoption: Adoption) -> list[RouteWish]:
    """No inbox of a copy keeps an address that leads to somebody else."""
    return adopt_inboxes(host=tenant.host, adoption=adoption)

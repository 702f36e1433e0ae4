"""What messaging does for copied and moving tenants."""

from kernel.tenancy import TenantRef
from shared_apps.tenants.registry import ADOPTERS, BUSY, Adoption, RouteWish

from tenant_apps.messaging.services import hold_copied_deliveries, is_handing_over


@ADOPTERS.register("messaging")
def hold_deliveries(_tenant: TenantRef, _adoption: Adoption) -> list[RouteWish]:
    """What waited to be sent when the copy was made is not sent twice."""
    hold_copied_deliveries()
    return []


BUSY.register("messaging")(is_handing_over)

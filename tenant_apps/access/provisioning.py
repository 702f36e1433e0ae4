"""A fresh tenant's owner gets an invitation."""

from kernel.tenancy import TenantRef
from shared_apps.accounts import services as accounts
from shared_apps.tenants.registry import PROVISIONERS

from tenant_apps.access.models import SystemRole


@PROVISIONERS.register("access")
def invite_owner(_tenant: TenantRef, owner_email: str) -> None:
    """Invites the owner by mail; a second run finds the open invitation."""
    accounts.invite(email=owner_email, role=SystemRole.OWNER)

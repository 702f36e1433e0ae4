"""What each tenant app sets up in a fresh tenant: functions in the apps' `provisioning.py`."""

from collections.abc import Callable

from kernel.registry import Registry
from kernel.tenancy import TenantRef

Provisioner = Callable[[TenantRef, str], Callable[[], None] | None]
PROVISIONERS: Registry[Provisioner] = Registry("provisioner")
"""`provisioner(tenant, owner_email)`: runs inside the tenant's scope, in one unit of work, and may run twice.

What it returns, if anything, is called after the commit: the place to write public rows, such as channel routes."""

"""What can be done with tenants."""

from shared_apps.tenants.services.provisioning import create_tenant, finish_provisioning
from shared_apps.tenants.services.routes import add_channel_route
from shared_apps.tenants.services.states import resume_tenant, suspend_tenant

__all__ = ["add_channel_route", "create_tenant", "finish_provisioning", "resume_tenant", "suspend_tenant"]

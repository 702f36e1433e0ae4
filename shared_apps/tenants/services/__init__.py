"""What can be done with tenants."""

from shared_apps.tenants.services.fleet import request_run, request_tenant_migration, run_requested
from shared_apps.tenants.services.provisioning import create_tenant, finish_provisioning
from shared_apps.tenants.services.routes import add_channel_route, replace_route_secret
from shared_apps.tenants.services.states import resume_tenant, suspend_tenant
from shared_apps.tenants.services.visits import claim_visits, finish_visit

__all__ = [
    "add_channel_route",
    "claim_visits",
    "create_tenant",
    "finish_provisioning",
    "finish_visit",
    "replace_route_secret",
    "request_run",
    "request_tenant_migration",
    "resume_tenant",
    "run_requested",
    "suspend_tenant",
]

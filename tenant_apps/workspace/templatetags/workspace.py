"""Tags of the workspace pages."""

from django import template
from kernel import tenancy

from tenant_apps.sso import selectors as sso
from tenant_apps.sso.models import Connection, ConnectionState

register = template.Library()


@register.simple_tag
def tenant_name() -> str:
    """The name of the tenant whose host this is."""
    return tenancy.current_tenant().name


@register.simple_tag
def sign_on_ways() -> dict[str, list[Connection] | bool]:
    """The connections one may sign in through, and whether passwords are for owners alone."""
    found = list(sso.open_connections())
    return {"connections": found, "is_enforced": any(one.state == ConnectionState.ENFORCED for one in found)}

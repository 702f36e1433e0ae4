"""Tags of the workspace pages."""

from django import template
from kernel import tenancy

register = template.Library()


@register.simple_tag
def tenant_name() -> str:
    """The name of the tenant whose host this is."""
    return tenancy.current_tenant().name

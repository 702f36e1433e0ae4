"""Lists the tenants."""

from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy
from rich.console import Console
from rich.table import Table

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import Tenant
from shared_apps.tenants.selectors import host_of


class Command(BaseCommand):
    """One line a tenant, oldest first."""

    help = "Lists tenants with state, host and schema"
    requires_system_checks = ()  # they import every page and take longer than the work

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        table = Table("slug", "name", "state", "host", "schema", "fingerprint", "created")
        with tenancy.public_scope():
            for tenant in Tenant.objects.order_by("created_at", "id").iterator():
                is_current = "current" if tenant.fingerprint == tenant_fingerprint() else "behind"
                table.add_row(
                    tenant.slug,
                    tenant.name,
                    tenant.state,
                    host_of(tenant.slug),
                    tenant.schema_name,
                    is_current,
                    f"{tenant.created_at:%Y-%m-%d}",
                )
        Console(width=None if self.stdout.isatty() else 200).print(table)

"""Checks the hash chain of the audit trail of every tenant and of the public schema."""

from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy

from shared_apps.audit import trail


class Command(BaseCommand):
    """Exit status 1 names the first bad entry of each broken chain."""

    help = "Verifies the audit chains"

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        scopes = [("public", tenancy.public_scope())]
        scopes += [(tenant.slug, tenancy.tenant_scope(tenant)) for tenant in tenancy.active_tenants()]
        is_broken = False
        for name, scope in scopes:
            with scope:
                broken = trail.first_broken_entry()
            self.stdout.write(f"{name}: {'intact' if broken is None else f'broken at entry {broken}'}")
            is_broken = is_broken or broken is not None
        if is_broken:
            raise SystemExit(1)

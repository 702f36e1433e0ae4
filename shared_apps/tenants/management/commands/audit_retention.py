"""How long a tenant's audit entries are kept."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy

from shared_apps.audit import selectors, services
from shared_apps.tenants.management.progress import errors_as_text


class Command(BaseCommand):
    """Without `--keep-days` and `--for-ever` it only tells. Old entries go in the hours that follow, behind a signed boundary."""

    help = "Tells or sets how many days audit entries are kept"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--tenant", required=True, help="slug of the tenant, or `public`")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--keep-days", type=int, help=f"from {services.SHORTEST_DAYS} days on")
        group.add_argument("--for-ever", action="store_true", help="nothing is removed")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        with self._scope(options["tenant"]), errors_as_text():
            if options["keep_days"] is not None or options["for_ever"]:
                services.set_retention(keep_days=options["keep_days"])
            kept = selectors.keep_days()
        self.stdout.write("for ever" if kept is None else f"{kept} days")

    def _scope(self, slug: str) -> Any:  # Any: a context manager
        if slug == "public":
            return tenancy.public_scope()
        tenant = next((tenant for tenant in tenancy.active_tenants() if tenant.slug == slug), None)
        if tenant is None:
            raise CommandError(f"There is no active tenant {slug}")
        return tenancy.tenant_scope(tenant)

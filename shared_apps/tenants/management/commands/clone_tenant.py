"""Copies a tenant on the same installation."""

from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy

from shared_apps.tenants import lifecycle
from shared_apps.tenants.management.progress import add_slug, find_tenant, reporting
from shared_apps.tenants.selectors import host_of, url_of


class Command(BaseCommand):
    """For trying something out on real data: nothing can leave the copy."""

    help = "Clones a tenant under a new slug, with everything outward switched off"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        add_slug(parser)
        parser.add_argument("--slug", required=True, dest="new_slug", help="slug of the copy")
        parser.add_argument("--cluster", default="", help="the PostgreSQL cluster that holds the copy (default: the original's)")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        original = find_tenant(options["slug"])
        with reporting() as reporter, tenancy.public_scope():
            tenant = lifecycle.clone_tenant(tenant=original, slug=options["new_slug"], cluster=options["cluster"], reporter=reporter)
        self.stdout.write(f"{tenant.slug} is {tenant.state} at {url_of(host_of(tenant.slug))}; nothing leaves it")

"""Makes a new tenant of an archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy
from kernel.tenancy import DEFAULT_CLUSTER

from shared_apps.tenants import lifecycle
from shared_apps.tenants.lifecycle.passphrase import read_passphrase
from shared_apps.tenants.management.progress import errors_as_text, reporting
from shared_apps.tenants.selectors import host_of, url_of


class Command(BaseCommand):
    """Checks everything before it begins; a run that was killed is undone or ended by the next one."""

    help = "Imports a tenant under a new slug"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("file", type=Path, help="an archive that export_tenant wrote")
        parser.add_argument("--slug", required=True)
        parser.add_argument("--cluster", default=DEFAULT_CLUSTER, help="the PostgreSQL cluster that holds the tenant (default %(default)s)")
        parser.add_argument("--passphrase-file", type=Path, help="opens the channel secrets of an archive that has them")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        with errors_as_text():
            passphrase = read_passphrase(options["passphrase_file"]) if options["passphrase_file"] else ""
        with reporting() as reporter, tenancy.public_scope():
            tenant = lifecycle.import_tenant(
                path=options["file"], slug=options["slug"], cluster=options["cluster"], passphrase=passphrase, reporter=reporter
            )
        self.stdout.write(f"{tenant.slug} is {tenant.state} at {url_of(host_of(tenant.slug))}")

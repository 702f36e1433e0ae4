"""Moves a tenant to another PostgreSQL cluster."""

from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy

from shared_apps.tenants import lifecycle
from shared_apps.tenants.management.progress import add_slug, find_tenant, reporting


class Command(BaseCommand):
    """Reading goes on, writing answers 503 for a moment. The old schema stays until --confirm or --undo."""

    help = "Moves a tenant to another cluster"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        add_slug(parser)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--to", metavar="CLUSTER", help="the cluster to move to")
        what.add_argument("--confirm", action="store_true", help="removes the old schema of a finished move")
        what.add_argument("--undo", action="store_true", help="goes back, as long as nothing was written since")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        tenant = find_tenant(options["slug"])
        with reporting() as reporter, tenancy.public_scope():
            if options["confirm"]:
                operation = lifecycle.confirm_move(tenant=tenant)
                said = f"{tenant.slug} stays on {operation.data['target']['cluster']}; the old schema is gone"
            elif options["undo"]:
                operation = lifecycle.undo_move(tenant=tenant, reporter=reporter)
                said = f"{tenant.slug} is back on {operation.data['target']['cluster']}"
            else:
                operation = lifecycle.move_tenant(tenant=tenant, cluster=options["to"], reporter=reporter)
                said = f"{tenant.slug} is on {operation.data['target']['cluster']}; look at it, then run again with --confirm or --undo"
        self.stdout.write(said)

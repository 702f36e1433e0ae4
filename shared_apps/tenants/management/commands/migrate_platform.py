"""Brings public, the tenant template, the tenants and the spares up to date."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from shared_apps.tenants import schemas
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.models import RunState


class Command(BaseCommand):
    """Idempotent and quick when there is nothing to do; uses DATABASE_OWNER_URL."""

    help = "Migrates the public schema and every tenant, builds the tenant template and its artefact, and keeps spares ready"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--spares", type=int, default=1, help="how many spare schemas to keep (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        console = Console()
        for label, step in (
            ("public schema", schemas.migrate_public),
            ("tenant template", schemas.build_artefact),
            ("tenants", _migrate_tenants),
            ("spare schemas", lambda: bool(schemas.keep_spares(options["spares"]))),
        ):
            started = time.monotonic()
            with console.status(label):
                changed = step()
            console.print(f"{label}: {'done' if changed else 'up to date'} in {time.monotonic() - started:.1f} s")


def _migrate_tenants() -> bool:
    run = migrate_fleet(Choice(), Manner())
    if run is not None and run.state != RunState.DONE:
        raise CommandError(f"{run.failed} of {run.total} tenants were not migrated; manage.py fleet_status says why")
    return run is not None

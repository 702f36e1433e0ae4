"""Shows what is or was being done with whole tenants, and ends what was interrupted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy
from kernel.problems import Problem
from rich.console import Console
from rich.table import Table

from shared_apps.tenants import lifecycle
from shared_apps.tenants.management.progress import reporting
from shared_apps.tenants.models import OperationState, TenantOperation

SHOWN = 50


class Command(BaseCommand):
    """A stopped operation is undone or carried on, whichever its step allows; one that is at work is left alone."""

    help = "Lists operations on tenants; --settle ends the unfinished ones"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--settle", action="store_true", help="undo or carry on what was interrupted")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        if options["settle"]:
            self._settle()
        table = Table("kind", "tenant", "state", "step", "begun", "error")
        with tenancy.public_scope():
            for row in TenantOperation.objects.order_by("-id")[:SHOWN]:
                table.add_row(row.kind, row.slug, row.state, row.step, f"{row.started_at:%Y-%m-%d %H:%M}", row.error)
        Console(width=None if self.stdout.isatty() else 200).print(table)

    def _settle(self) -> None:
        with tenancy.public_scope():
            unfinished = list(TenantOperation.objects.filter(state=OperationState.RUNNING).order_by("id"))
        failed = []
        for operation in unfinished:
            try:
                with reporting() as reporter, tenancy.public_scope():
                    lifecycle.settle(operation, reporter)
            except (Problem, CommandError) as error:
                failed.append(f"{operation}: {error}")
        if failed:
            raise CommandError("; ".join(failed))

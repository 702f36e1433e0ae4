"""Tells where the fleet stands."""

from typing import Any

import orjson
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from shared_apps.tenants.fleet.status import Figures, fleet_status


class Command(BaseCommand):
    """Versions, the newest run, failures and data changes."""

    help = "Tells how many tenants have which schema version, how the newest run goes, and what failed"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        figures = fleet_status()
        if options["json"]:
            self.stdout.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
            return
        console = Console(width=None if self.stdout.isatty() else 160, highlight=False, markup=False)
        with console.capture() as printed:
            _print(console, figures)
        self.stdout.write(printed.get())


def _print(console: Console, figures: Figures) -> None:
    console.print(_versions(figures["versions"]))
    console.print(_run_line(figures["run"]))
    for rows, columns in (
        (figures["failures"], ("slug", "attempts", "at", "error")),
        (figures["data_changes"], ("name", "after", "done", "failed", "tenants")),
    ):
        if rows:
            console.print(_table(rows, columns))


def _versions(rows: list[Figures]) -> Table:
    table = Table("version", "state", "tenants", "")
    for row in rows:
        note = "current" if row["is_current"] else "served meanwhile" if row["is_served"] else "closed until migrated"
        table.add_row(row["fingerprint"][:16], row["state"], str(row["tenants"]), note)
    return table


def _run_line(run: Figures | None) -> str:
    if run is None:
        return "There has been no run yet"
    parts = [f"The newest run is {run['state']}: {run['done']} of {run['total']} done, {run['failed']} failed"]
    parts += [f"{run['rate']}/s"] if run["rate"] else []
    parts += [f"about {run['remaining_seconds']:.0f} s remain"] if run["remaining_seconds"] is not None else []
    return ", ".join(parts)


def _table(rows: list[Figures], columns: tuple[str, ...]) -> Table:
    table = Table(*columns)
    for row in rows:
        table.add_row(*(f"{row[name]}" for name in columns))
    return table

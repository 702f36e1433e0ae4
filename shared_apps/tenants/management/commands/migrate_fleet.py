"""Brings every tenant's schema to the version of this code."""

from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy
from kernel.db.routing import clusters
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from shared_apps.tenants import schemas
from shared_apps.tenants.fleet.changes import run_data_changes
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.fleet.status import failures, fleet_status
from shared_apps.tenants.models import FleetRun, RunState, Tenant


class Command(BaseCommand):
    """Resumable: it may be killed at any time, and takes up only what is left. The exit status is 1 where a tenant was not migrated."""

    help = "Migrates the tenants that are behind: canaries first, several at a time, each in a transaction of its own"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--canary", nargs="+", default=[], metavar="SLUG", help="go first; a failure stops the run (else: the flagged)")
        parser.add_argument("--cluster", default="", help="only the tenants of this cluster")
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")
        parser.add_argument("--jobs", type=int, default=2, help="how many tenants at a time (default %(default)s)")
        parser.add_argument("--lock-timeout", default="2s", help="how long a statement waits for a lock (default %(default)s)")
        parser.add_argument("--attempts", type=int, default=3, help="tries for a tenant whose tables are locked (default %(default)s)")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the outcome as JSON")
        parser.add_argument("--no-data-changes", action="store_true", help="leave the data changes to the scheduler")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        manner = Manner(jobs=max(1, options["jobs"]), lock_timeout=options["lock_timeout"], attempts=max(1, options["attempts"]))
        schemas.migrate_public()
        choice = self._choice(options)
        schemas.build_artefact()
        run = _with_progress(choice, manner)
        if run is None:
            self.stdout.write("Every tenant is up to date")
        else:
            self._tell(run)
        if not options["no_data_changes"]:
            run_data_changes()
        if options["report"]:
            options["report"].write_bytes(orjson.dumps(fleet_status(), option=orjson.OPT_INDENT_2))
        if run is not None and run.state != RunState.DONE:
            raise CommandError(f"{run.failed} of {run.total} tenants were not migrated")

    def _choice(self, options: dict[str, Any]) -> Choice:  # Any: argparse values
        if options["cluster"] and options["cluster"] not in clusters():
            raise CommandError(f"This installation has no cluster {options['cluster']}")
        with tenancy.public_scope():
            known = dict(Tenant.objects.filter(slug__in=[*options["canary"], options["tenant"]]).values_list("slug", "pk"))
        unknown = {*options["canary"], options["tenant"]} - known.keys() - {""}
        if unknown:
            raise CommandError(f"No tenant is called {', '.join(sorted(unknown))}")
        return Choice(cluster=options["cluster"], tenant_id=known.get(options["tenant"]), canaries=options["canary"])

    def _tell(self, run: FleetRun) -> None:
        with tenancy.public_scope():
            for failure in failures(run):
                self.stderr.write(self.style.ERROR(f"{failure['slug']}: {failure['error']}"))
        words = {RunState.STOPPED: "stopped at the canaries", RunState.FAILED: "ended with failures"}
        seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0.0
        self.stdout.write(f"{run.done} of {run.total} tenants in {seconds:.1f} s, {words.get(RunState(run.state), 'all migrated')}")


def _with_progress(choice: Choice, manner: Manner) -> FleetRun | None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bars: list[TaskID] = []

        def tell(run: FleetRun) -> None:
            if not bars:
                bars.append(progress.add_task("Tenants", total=run.total, rate=""))
            seconds = (run.seen_at - run.started_at).total_seconds() if run.seen_at and run.started_at else 0.0
            rate = f"{run.done / seconds:.1f}/s" if seconds else ""
            progress.update(bars[0], completed=run.done + run.failed, rate=rate + (f", {run.failed} failed" if run.failed else ""))

        return migrate_fleet(choice, manner, tell=tell)

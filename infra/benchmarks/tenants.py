"""Measures the platform with many tenants against django-tenants as it comes.

usage: python -m infra.benchmarks.tenants [--tenants 1000] [--stock 3] [--no-write]
"""

import argparse
import functools
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import django
import psycopg
from psycopg import sql
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from infra.benchmarks import results
from infra.benchmarks.stock import StockProject
from infra.benchmarks.synthetic import write_release
from infra.dev.folders import ROOT
from infra.dev.postgres import APP, DATABASE, OWNER, SUPERUSER
from infra.testing.servers import RunningServers, ServerFacts

REQUESTS = 1000
RANDOM_ORDER = random.Random(1)
console = Console(stderr=True)


class Bench:
    """One run: its servers, its tenants, and what was measured."""

    def __init__(self, tenants: int, stock: int, progress: Progress, folder: Path) -> None:
        self.tenants, self.stock, self.progress, self.folder = tenants, stock, progress, folder
        self.found: dict[str, Any] = {"tenants": tenants, "machine": _machine()}  # Any: JSON
        self.clients: list[Any] = []  # Any: Django's test clients

    def run(self, facts: ServerFacts) -> dict[str, Any]:  # Any: JSON
        """Everything, in an order in which nothing disturbs what comes later."""
        environment = facts.environment(DATABASE)
        os.environ.update(environment, DJANGO_SETTINGS_MODULE="config.settings.test")
        self._prepare()
        self._provision()
        self._people()
        self._no_op_deploy(facts)
        self._requests()
        self._memory()
        self._export()
        self._real_deploy(environment)
        self._size(facts)
        self._stock(facts, environment)
        self.found["machine"]["load_at_end"] = os.getloadavg()[2]
        return self.found

    # --- ours --------------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 (Django is set up only now)

        step = self._step("template and public schema", 1)
        with open(os.devnull, "w") as quiet:
            call_command("prepare_database", stdout=quiet)
        self.found["template_seconds"] = _timed(lambda: _quietly("migrate_platform", "--spares", "0"))
        self.progress.advance(step)

    def _provision(self) -> None:
        from kernel import tenancy  # noqa: PLC0415
        from shared_apps.tenants import schemas, services  # noqa: PLC0415
        from shared_apps.tenants.services import provisioning  # noqa: PLC0415

        step = self._step("new tenants", self.tenants)
        spares, claims, totals = [], [], []
        for number in range(self.tenants):
            spares.append(_timed(schemas.build_spare))
            started = time.perf_counter()
            with tenancy.public_scope():
                fields = {"name": f"Bench {number}", "slug": f"bench-{number}", "owner_email": f"owner@bench-{number}.example"}
                tenant = provisioning._claim(**fields, cluster="default")
            claims.append(time.perf_counter() - started)
            if tenant is None:
                raise RuntimeError("The spare that was just built is gone")
            services.finish_provisioning(tenant=tenant)
            totals.append(time.perf_counter() - started)
            self.progress.advance(step)
        self.found["new_tenant"] = {"spare": _spread(spares), "claim": _spread(claims), "claim_and_set_up": _spread(totals)}

    def _people(self) -> None:
        """An agent with an API key in each tenant, for requests that do an agent's work."""
        from config.demo import people  # noqa: PLC0415
        from django.db import close_old_connections  # noqa: PLC0415
        from django.test import Client  # noqa: PLC0415
        from kernel import tenancy  # noqa: PLC0415
        from kernel.actors import SYSTEM, acting_as  # noqa: PLC0415
        from shared_apps.accounts import services as accounts  # noqa: PLC0415
        from shared_apps.accounts.models import User  # noqa: PLC0415

        step = self._step("people", self.tenants)
        with tenancy.public_scope():
            tenants = tenancy.active_tenants()
        for tenant in tenants:
            people.ensure_users(tenant=tenant, users=[("ana", "Ana", "agent")], password="bench")
            with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
                _, key = accounts.create_api_key(user=User.objects.get(name="Ana"), name="bench")
            self.clients.append(Client(HTTP_HOST=tenant.host, HTTP_ACCEPT="application/json", HTTP_AUTHORIZATION=f"Bearer {key}"))
            close_old_connections()
            self.progress.advance(step)

    def _requests(self) -> None:
        """The list of tickets through middleware, view and serializer, in process. One tenant and random ones take turns.

        First on new connections, where each tenant's first request reads the catalogue; then when every tenant has been served once, with
        connections replaced as the settings say.
        """
        for name in ("first", "later"):
            _new_connections()
            if name == "later":
                for client in self.clients:
                    _ask(client)
            step = self._step(f"requests, {name}", 2 * REQUESTS)
            one: list[float] = []
            many: list[float] = []
            for _ in range(REQUESTS // 50):
                for target, chosen in ((one, [self.clients[0]] * 50), (many, RANDOM_ORDER.choices(self.clients, k=50))):
                    _ask(self.clients[0])
                    target += [_timed(functools.partial(_ask, client)) for client in chosen]
                    self.progress.advance(step, 50)
            self.found.setdefault("requests", {})[name] = {
                "one": _spread(one),
                "random": _spread(many),
                "ratio": _middle(many) / _middle(one),
            }

    def _memory(self) -> None:
        """What the backends hold that served two visits of every tenant: the largest one at any time."""
        from django.conf import settings  # noqa: PLC0415

        bound = settings.ATENDE_DB_CONNECTION_MEMORY_MB
        measured: dict[str, Any] = {"bound_mb": bound}  # Any: JSON
        for name, limit in (("kept", 10**9), ("replaced", bound)):
            settings.ATENDE_DB_CONNECTION_MEMORY_MB = limit
            _new_connections()
            step = self._step(f"memory, connections {name}", len(self.clients))
            largest = 0.0
            for client in self.clients:
                _look_around(client)
                largest = max(largest, _backend_megabytes())
                self.progress.advance(step)
            measured[f"{name}_mb"] = round(largest, 1)
        settings.ATENDE_DB_CONNECTION_MEMORY_MB = bound
        self.found["backend_memory"] = measured

    def _no_op_deploy(self, facts: ServerFacts) -> None:
        """The whole command in a process of its own, and the look at the fleet alone."""
        from kernel import tenancy  # noqa: PLC0415
        from shared_apps.tenants.fleet.plans import Choice  # noqa: PLC0415
        from shared_apps.tenants.fleet.running import Manner, migrate_fleet  # noqa: PLC0415

        step = self._step("a deploy that changes nothing", 1)
        command = _timed(lambda: _command({}, "manage.py", "migrate_fleet"))
        start = _timed(lambda: _command({}, "manage.py", "migrate_fleet", "--help"))
        with tenancy.public_scope():
            question = min(_timed(lambda: migrate_fleet(Choice(), Manner())) for _ in range(5))
        self.found["no_op_deploy"] = {"command_seconds": command, "of_which_start_seconds": start, "question_seconds": question}
        self.progress.advance(step)

    def _real_deploy(self, environment: dict[str, str]) -> None:
        """Two migrations for every tenant, by the command with two workers; derivation and template included."""
        settings = write_release(self.folder)
        path = os.pathsep.join([str(self.folder), str(ROOT / "platform"), str(ROOT)])
        step = self._step("a deploy with two migrations", 1)
        report = self.folder / "report.json"
        variables = {**environment, "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": path}
        seconds = _timed(lambda: _command(variables, "manage.py", "migrate_fleet", "--jobs", "2", "--report", str(report)))
        run = results.read(report)["run"]
        self.found["two_migrations"] = {
            "command_seconds": seconds,
            "run_seconds": run["elapsed_seconds"],
            "tenants": run["done"],
            "failed": run["failed"],
            "per_tenant_seconds": run["elapsed_seconds"] / max(1, run["done"]),
        }
        self.progress.advance(step)

    def _export(self) -> None:
        """One tenant's export among all, by the command in this process; the start of a process is not part of it."""
        from django.core.management import call_command  # noqa: PLC0415

        step = self._step("an export", 1)
        tickets = _fill("bench-0")
        archive = self.folder / "bench.archive"
        with open(os.devnull, "w") as quiet:
            seconds = _timed(lambda: call_command("export_tenant", "bench-0", "--to", str(archive), stdout=quiet, stderr=quiet))
        self.found["export"] = {"seconds": seconds, "tickets": tickets, "kilobytes": round(archive.stat().st_size / 1024)}
        self.progress.advance(step)

    def _size(self, facts: ServerFacts) -> None:
        with psycopg.connect(facts.postgres().url(SUPERUSER, facts.postgres_port, DATABASE)) as connection:
            row = connection.execute("SELECT pg_database_size(current_database()), (SELECT count(*) FROM pg_class)").fetchone()
        if row:
            self.found["database"] = {"megabytes": round(row[0] / 2**20), "pg_class_rows": row[1]}

    # --- theirs ------------------------------------------------------------------------------------------------------
    def _stock(self, facts: ServerFacts, environment: dict[str, str]) -> None:
        url = facts.postgres().url(OWNER, facts.postgres_port, "stock")
        with psycopg.connect(facts.postgres().url(SUPERUSER, facts.postgres_port, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE stock OWNER {}").format(sql.Identifier(OWNER)))
        variables = {**environment, "DATABASE_URL": facts.postgres().url(APP, facts.postgres_port, "stock"), "DATABASE_OWNER_URL": url}
        _command(variables, "manage.py", "prepare_database")
        step = self._step("stock", 1)
        project = StockProject(self.folder, environment, url)
        self.found["stock"] = project.measure(self.stock, lambda words: self.progress.update(step, description=words))
        self.progress.advance(step)

    def _step(self, words: str, total: int) -> TaskID:
        return self.progress.add_task(words, total=total)


def _ask(client: Any) -> None:  # Any: Django's test client
    answer = client.get("/api/v1/tickets")
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code} {answer.content[:300]!r}")


def _fill(slug: str) -> int:
    """Months of conversations for one tenant. Returns the number of tickets."""
    from config.demo import loading, people  # noqa: PLC0415
    from config.demo.cast import CASTS  # noqa: PLC0415
    from config.demo.stories import stories_of  # noqa: PLC0415
    from kernel import tenancy  # noqa: PLC0415
    from kernel.clock import now  # noqa: PLC0415

    with tenancy.public_scope():
        tenant = next(tenant for tenant in tenancy.active_tenants() if tenant.slug == slug)
    cast = CASTS[0]
    people.ensure_users(tenant=tenant, users=[(agent.mailbox, agent.name, agent.role) for agent in cast.agents], password="bench")
    return loading.load(tenant=tenant, cast=cast, stories=stories_of(cast, now=now(), count=500), advance=lambda _done: None)


def _look_around(client: Any) -> None:  # Any: Django's test client
    """An agent's reads that touch most tables of a schema."""
    for path in ("tickets", "contacts", "inboxes", "teams", "agents", "events", "profile"):
        answer = client.get(f"/api/v1/{path}")
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:300]!r}")


def _new_connections() -> None:
    from django.db import connections  # noqa: PLC0415

    for connection in connections.all():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # our wrapper's; the base class knows no pool


def _backend_megabytes() -> float:
    """Private memory of the process behind this process's connection; the server runs on this machine."""
    from kernel import tenancy  # noqa: PLC0415
    from kernel.db.routing import connection_in_scope  # noqa: PLC0415

    with tenancy.public_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        connection_in_scope().close()
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def _command(variables: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")


def _quietly(*arguments: str) -> None:
    _command({}, "manage.py", *arguments)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Milliseconds: the middle, the 95th percentile, the largest."""
    ordered = sorted(values)
    return {
        "p50_ms": round(_middle(values) * 1000, 2),
        "p95_ms": round(ordered[int(len(ordered) * 0.95) - 1] * 1000, 2),
        "max_ms": round(ordered[-1] * 1000, 2),
    }


def _machine() -> dict[str, object]:
    return {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version(), "load_at_start": os.getloadavg()[0]}


def main() -> int:
    """Measures, prints the ratios and writes the reference pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--stock", type=int, default=3, help="how many tenants django-tenants gets")
    parser.add_argument("--no-write", action="store_true", help="leave docs/reference/benchmarks alone")
    options = parser.parse_args()
    os.environ["ATENDE_TEST_CACHE"] = "0"
    facts = ServerFacts.choose()
    servers = RunningServers(facts)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        servers.start()
        with Progress(*columns, console=console) as progress, tempfile.TemporaryDirectory(prefix="atende-bench-") as folder:
            found = Bench(options.tenants, options.stock, progress, Path(folder)).run(facts)
    finally:
        servers.stop()
    results.show(found)
    if not options.no_write:
        results.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The fleet's migration is killed at random points: no tenant is left between two versions, and the next run takes only the rest."""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import pytest
from django.test import Client
from infra.testing.forking import fork
from kernel import tenancy
from kernel.db.owner import owner_connection
from psycopg import sql
from shared_apps.tenants import schemas
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import applying, workers
from shared_apps.tenants.fleet.oracle import differences, schema_objects
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.fleet.scripts import ensure_script
from shared_apps.tenants.models import FleetScript, FleetStep, Tenant
from shared_apps.tenants.tests.older import OLDER, older_tenant

IS_FULL = os.environ.get("ATENDE_FAULTS") == "full"
TENANTS = 50 if IS_FULL else 12
SEEDS = range(20) if IS_FULL else range(3)
MANNER = Manner(jobs=2)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900 if IS_FULL else 300)]


@pytest.fixture
def fleet(fresh_database) -> list[Tenant]:
    """Tenants of the older version, with their script derived, and one concurrent index behind the commit."""
    tenants = [older_tenant(f"older{number}") for number in range(TENANTS)]
    ensure_script(OLDER)
    with tenancy.public_scope():
        FleetScript.objects.update(after_statements=["CREATE INDEX CONCURRENTLY fleet_later ON tickets_ticket (number)"])
    return tenants


def done_count(connection) -> int:
    return connection.execute("SELECT count(*) FROM tenants_fleetstep WHERE state = 'done'").fetchone()[0]


def run_and_kill(chance: random.Random) -> None:
    """A run in a process of its own, killed after a random number of tenants and a random moment more."""
    child = fork(lambda: migrate_fleet(Choice(), MANNER))
    with owner_connection() as connection:
        enough, moment = chance.randrange(TENANTS), chance.uniform(0, 0.15)
        deadline = time.monotonic() + 60
        while done_count(connection) < enough and time.monotonic() < deadline and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.005)
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def shapes() -> dict[str, dict[str, str]]:
    """What the schemas of the two versions look like; the concurrent index is told apart."""
    found = {}
    with owner_connection() as connection:
        found[tenant_fingerprint()] = schema_objects(connection, f"template_{tenant_fingerprint()[:12]}")
        plain = older_tenant("yardstick")
        found[OLDER] = schema_objects(connection, plain.schema_name)
        schemas.drop_schema(connection, plain.schema_name)
    with tenancy.public_scope():
        plain.delete()
    return found


def torn(tenants: list[Tenant], wanted: dict[str, dict[str, str]]) -> list[str]:
    """Tenants whose schema is neither version, or another one than it is marked with."""
    wrong = []
    with owner_connection() as connection:
        for tenant in tenants:
            version = applying.version_of(connection, tenant.schema_name) or OLDER
            lines = differences(schema_objects(connection, tenant.schema_name), wanted[version])
            wrong += [f"{tenant.slug} at {version[:6]}: {line}" for line in lines if not line.startswith("index fleet_later")]
    return wrong


def registered() -> dict[str, str]:
    with tenancy.public_scope():
        return dict(Tenant.objects.filter(slug__startswith="older").values_list("slug", "fingerprint"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_leaves_whole_tenants_and_the_next_one_takes_the_rest(fleet, seed):
    wanted = shapes()

    run_and_kill(random.Random(seed))

    assert torn(fleet, wanted) == []
    versions = registered()
    assert set(versions.values()) <= {OLDER, tenant_fingerprint()}
    tenancy.forget_directory()
    for slug, version in versions.items():
        status = Client(HTTP_HOST=f"{slug}.localhost").get("/sign-in/").status_code
        assert status == (200 if version == tenant_fingerprint() else 503), (slug, version)
    with tenancy.public_scope():
        left = Tenant.objects.filter(slug__startswith="older").exclude(fleet_step__state="done").count()
    run = migrate_fleet(Choice(), MANNER)
    assert (run.total, run.state) == (left, "done") if left else run is None
    assert torn(fleet, wanted) == []
    assert Counter(registered().values()) == {tenant_fingerprint(): TENANTS}
    with tenancy.public_scope():
        assert Counter(FleetStep.objects.values_list("state", flat=True)) == {"done": TENANTS}
    with owner_connection() as connection:
        for tenant in fleet:
            assert "index fleet_later" in schema_objects(connection, tenant.schema_name)
    assert Client(HTTP_HOST="older0.localhost").get("/readyz").json()["ready"] is True


def test_a_step_that_is_not_atomic_is_caught(fleet, monkeypatch):
    """The planted bug: each statement commits by itself, and the process dies between two of them."""
    wanted = shapes()
    monkeypatch.setattr(workers, "apply_step", _one_by_one)

    run_and_kill(random.Random(1))

    assert any("is left over" in line or "is missing" in line for line in torn(fleet, wanted))


def _one_by_one(connection, schema, target, statements, *, lock_timeout):
    connection.execute(sql.SQL("SET search_path = {}, extensions").format(sql.Identifier(schema)))
    for number, statement in enumerate(statements):
        if number == len(statements) // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        connection.execute(statement)
    applying.mark_version(connection, schema, target)

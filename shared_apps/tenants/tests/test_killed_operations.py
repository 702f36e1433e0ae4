"""Operations whose process is killed at a point chosen by a seed, and run again: nothing is lost, nothing is left over."""

import os
import random

import pytest
from django.core.files.storage import default_storage
from kernel import tenancy
from tenant_apps.connectors.models import Inbox
from tenant_apps.messaging.models import Message

from shared_apps.tenants import lifecycle
from shared_apps.tenants.lifecycle import journal, moving, tables
from shared_apps.tenants.models import Tenant, TenantOperation
from shared_apps.tenants.tests.lives import KillAt, Points, killed, let_go, new_tenant, reference_of, row_digests, schemas_and_roles

IS_FULL = os.environ.get("ATENDE_FAULTS") == "full"
SEEDS = range(20 if IS_FULL else 4)
MOST_KILLS = 6

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def neighbour(fresh_database, acme):
    """Another tenant, whose rows must not change by anything that happens here."""
    before = row_digests(acme)
    yield acme
    assert row_digests(acme) == before


def seeds_of(points, seed):
    """Where each run of one test is killed: this seed's own point first, so that all seeds together spread over all points."""
    chance = random.Random(seed)
    first = (seed * len(points) // len(SEEDS) + chance.randrange(max(1, len(points) // len(SEEDS)))) % len(points)
    yield first
    while True:
        yield chance.randrange(len(points))


def run_until_done(work, points, seed):
    """Runs `work(reporter)` in processes that are killed, at most six times, and at last in this one. Returns the number of kills."""
    kills = 0
    for countdown in seeds_of(points, seed):
        if kills == MOST_KILLS or not killed(lambda at=countdown: work(KillAt(at))):
            break
        kills += 1
    let_go()
    work(Points())
    return kills


def points_of(work):
    points = Points()
    work(points)
    return points.seen


def operations():
    with tenancy.public_scope():
        return list(TenantOperation.objects.order_by("id").values_list("kind", "state"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_import_ends_in_one_whole_tenant(neighbour, no_pause, tmp_path, seed):
    canela = new_tenant("canela")
    path = tmp_path / "canela"
    lifecycle.export_tenant(tenant=row("canela"), path=path)
    before = schemas_and_roles()
    points = points_of(lambda reporter: lifecycle.import_tenant(path=path, slug="first", reporter=reporter))

    kills = run_until_done(lambda reporter: bring_in(path, reporter), points, seed)

    back = reference_of("back")
    assert kills >= 1
    assert back.state == "active"
    assert same_rows(canela, back)
    assert schemas_and_roles() - before == {
        f"{kind} {tenant.schema}" for tenant in (back, reference_of("first")) for kind in ("schema", "role")
    }
    assert set(default_storage.listdir("")[0]) == {str(tenant.id) for tenant in (canela, back, reference_of("first"))}
    assert {state for kind, state in operations()} <= {"done", "undone"}
    with tenancy.tenant_scope(back):
        assert set(Inbox.objects.filter(connector="email").values_list("address", flat=True)) == {"support@back.localhost"}


def bring_in(path, reporter):
    """What the command does; a run that finds the work done already has nothing to do."""
    with tenancy.public_scope():
        is_there = Tenant.objects.filter(slug="back", state="active").exists()
    if not is_there:
        lifecycle.import_tenant(path=path, slug="back", reporter=reporter)


def same_rows(original, copy):
    before, after = row_digests(original), row_digests(copy)
    adapted = {"audit_auditentry", "events_event", "events_counter", "accounts_invitation", "connectors_inbox"}
    adapted |= {"messaging_delivery", "messaging_message"}
    return {name for name in before if before[name] != after[name]} - adapted - tables.SECRETS == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_move_loses_nothing_and_ends_on_the_new_cluster(second_cluster, neighbour, no_pause, seed):
    canela, before = new_tenant("canela"), None
    before = row_digests(canela)
    points = MOVE_POINTS or MOVE_POINTS.extend(points_of(move_and_return)) or MOVE_POINTS

    kills = run_until_done(move, points, seed)

    moved = reference_of("canela")
    assert kills >= 1
    assert (moved.cluster, moved.state) == ("second", "active")
    assert row_digests(moved) == before
    lifecycle.confirm_move(tenant=row("canela"))
    assert {name for name in schemas_and_roles("second") if name.startswith("schema")} == {f"schema {moved.schema}"}
    assert f"schema {canela.schema}" not in schemas_and_roles()
    with tenancy.tenant_scope(moved):
        Message.objects.filter(pk=Message.objects.order_by("id").first().pk).update(subject="It can be written")


MOVE_POINTS: list[str] = []


def move(reporter):
    if reference_of("canela").cluster != "second" or reference_of("canela").state != "active":
        lifecycle.move_tenant(tenant=row("canela"), cluster="second", reporter=reporter)


def move_and_return(reporter):
    """Finds the points of a move, and leaves the tenant where it was."""
    lifecycle.move_tenant(tenant=row("canela"), cluster="second", reporter=reporter)
    lifecycle.undo_move(tenant=row("canela"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_deletion_ends_with_a_certificate_and_nothing_left(neighbour, no_pause, seed):
    canela = new_tenant("canela")
    before = {name: facts.rows for name, facts in row_digests(canela).items()}
    points = [f"{step.name}{end}" for step in journal.VERBS.get("delete").steps for end in ("", ".done")]

    kills = run_until_done(lambda reporter: lifecycle.delete_tenant(slug="canela", reporter=reporter), points, seed)

    certificate = lifecycle.delete_tenant(slug="canela")
    assert kills >= 1
    assert {name: facts["rows"] for name, facts in certificate["tables"].items()} == before
    assert f"schema {canela.schema}" not in schemas_and_roles()
    assert default_storage.listdir("")[0] == []
    assert operations() == [("delete", "done")]


@pytest.mark.parametrize("name", ["window", "fence.done", "load.committed", "switch.done"])
def test_what_a_killed_move_left_is_settled_without_its_command(second_cluster, neighbour, no_pause, name):
    canela = new_tenant("canela")
    before = row_digests(canela)
    seen = {"window": 1, "fence.done": 1, "load.committed": 1, "switch.done": 1}

    class KillOn:
        def reached(self, point, done=0, total=0):
            if point == name and seen.pop(point, None):
                KillAt(0).reached(point)

    assert killed(lambda: lifecycle.move_tenant(tenant=row("canela"), cluster="second", reporter=KillOn()))
    let_go()
    with tenancy.public_scope():
        operation = TenantOperation.objects.get()

    was_carried_on = lifecycle.settle(operation, lifecycle.Silence())

    settled = reference_of("canela")
    assert not was_carried_on
    assert (settled.cluster, settled.state) == ("default", "active")
    assert row_digests(settled) == before
    assert schemas_and_roles("second") == set()


def test_a_step_that_may_not_run_twice_would_be_seen(neighbour, no_pause, monkeypatch):
    """The bite: a deletion whose schema step insists on finding its schema does not survive a kill right after it."""
    new_tenant("canela")
    verb = journal.VERBS.get("delete")

    def drop_once(run):
        assert f"schema {run.data['place']['schema']}" in schemas_and_roles(), "the schema is gone already"
        real(run)

    real = next(step.run for step in verb.steps if step.name == "schema")
    steps = tuple(journal.Step("schema", drop_once) if step.name == "schema" else step for step in verb.steps)
    monkeypatch.setitem(journal.VERBS._items, "delete", journal.Verb(verb.kind, steps, verb.forward_from))
    at = [f"{step.name}{end}" for step in steps for end in ("", ".done")].index("schema.done")

    assert killed(lambda: lifecycle.delete_tenant(slug="canela", reporter=KillAt(at)))
    let_go()
    with pytest.raises(AssertionError, match="gone already"):
        lifecycle.delete_tenant(slug="canela")


def test_a_superseded_run_changes_nothing_more(neighbour, no_pause):
    """A run that was thought dead wakes up after another one has taken over: its next note is refused."""
    new_tenant("canela")
    taken = []

    class Overtaken:
        def reached(self, point, done=0, total=0):
            if point == "close.done" and not taken:
                taken.append(point)
                with tenancy.public_scope():
                    TenantOperation.objects.update(fence=99)

    with pytest.raises(journal.Superseded):
        lifecycle.delete_tenant(slug="canela", reporter=Overtaken())

    assert moving.waiting_move(row("canela")) is None
    assert row("canela").state == "deleting"


def row(slug):
    with tenancy.public_scope():
        return Tenant.objects.get(slug=slug)

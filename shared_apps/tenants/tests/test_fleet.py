"""Migrating the fleet: scripts, waves, failures, resuming."""

import threading

import psycopg
import pytest
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from psycopg import sql

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import applying, plans, scripts, workers
from shared_apps.tenants.fleet.oracle import differences, schema_objects
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.models import FleetRun, FleetScript, FleetStep, Tenant
from shared_apps.tenants.tests.older import OLDER, older_tenant


def versions() -> dict[str, str]:
    with tenancy.public_scope():
        return dict(Tenant.objects.values_list("slug", "fingerprint"))


def steps() -> dict[str, tuple[str, int]]:
    with tenancy.public_scope():
        return {slug: (state, attempts) for slug, state, attempts in FleetStep.objects.values_list("tenant__slug", "state", "attempts")}


def structure(tenant) -> dict[str, str]:
    with owner_connection(tenant.cluster) as connection:
        return schema_objects(connection, tenant.schema_name)


def template() -> dict[str, str]:
    with owner_connection() as connection:
        return schema_objects(connection, f"template_{tenant_fingerprint()[:12]}")


def test_a_tenant_that_is_behind_gets_the_current_schema_and_its_seeds(fresh_database, acme):
    tenant = older_tenant("older")

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.total, run.done, run.failed) == ("done", 1, 1, 0)
    assert differences(structure(tenant), template()) == []
    assert versions()["older"] == tenant_fingerprint()
    with owner_connection() as connection:
        assert applying.version_of(connection, tenant.schema_name) == tenant_fingerprint()
        rows = connection.execute(f"SELECT key FROM {tenant.schema_name}.tickets_status ORDER BY id").fetchall()
        may = connection.execute(
            "SELECT has_table_privilege(%(r)s, %(t)s, 'INSERT')", {"r": tenant.role_name, "t": f"{tenant.schema_name}.intake_inboundevent"}
        ).fetchone()
    assert [row[0] for row in rows] == ["new", "open", "waiting-customer", "waiting-other", "solved", "closed"]
    assert may == (True,)


def test_nothing_to_do_asks_once_and_leaves_no_run(fresh_database, acme, django_assert_num_queries):
    with tenancy.public_scope(), django_assert_num_queries(1):
        assert migrate_fleet(Choice(), Manner()) is None

    with tenancy.public_scope():
        assert not FleetRun.objects.exists()


def test_every_tenant_is_migrated_once_by_several_workers(fresh_database, acme, monkeypatch):
    for number in range(5):
        older_tenant(f"older{number}")
    applied = []
    apply_step = workers.apply_step
    monkeypatch.setattr(
        workers,
        "apply_step",
        lambda connection, schema, *rest, **more: (applied.append(schema), apply_step(connection, schema, *rest, **more)),
    )

    run = migrate_fleet(Choice(), Manner(jobs=2))

    assert (run.state, run.done) == ("done", 5)
    assert len(applied) == len(set(applied)) == 5
    assert migrate_fleet(Choice(), Manner(jobs=2)) is None


def test_a_tenants_own_rows_survive_the_seeds(fresh_database):
    tenant = older_tenant("older")
    with owner_connection() as connection:
        connection.execute(
            f"INSERT INTO {tenant.schema_name}.tickets_status (key, category, label_agent, label_customer, color, position, is_default) "
            "VALUES ('odd', 'open', 'Odd', 'Odd', 'red', 9, false), ('solved', 'solved', 'Fixed', 'Fixed', 'red', 3, true)"
        )

    migrate_fleet(Choice(), Manner(jobs=1))

    with owner_connection() as connection:
        found = dict(connection.execute(f"SELECT key, label_agent FROM {tenant.schema_name}.tickets_status").fetchall())
    assert (found["odd"], found["solved"], found["open"], len(found)) == ("Odd", "Fixed", "Open", 7)


def test_a_tenant_that_fails_keeps_its_schema_and_stops_nobody(fresh_database):
    broken, sound = older_tenant("broken"), older_tenant("sound")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {broken.schema_name}.intake_inboundevent (stray integer)")
    before = structure(broken)

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.done, run.failed) == ("failed", 1, 1)
    assert steps() == {"broken": ("failed", 1), "sound": ("done", 0)}
    assert (versions()["broken"], versions()["sound"]) == (OLDER, tenant_fingerprint())
    assert structure(broken) == before
    assert differences(structure(sound), template()) == []
    with tenancy.public_scope():
        assert 'relation "intake_inboundevent" already exists' in FleetStep.objects.get(tenant=broken).error


def test_a_run_takes_up_what_the_last_one_left(fresh_database):
    broken = older_tenant("broken")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {broken.schema_name}.intake_inboundevent (stray integer)")
    migrate_fleet(Choice(), Manner(jobs=1))
    with owner_connection() as connection:
        connection.execute(f"DROP TABLE {broken.schema_name}.intake_inboundevent")

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.total, run.done) == ("done", 1, 1)
    assert steps()["broken"] == ("done", 0)


def test_a_canary_that_fails_stops_the_run_before_the_others(fresh_database):
    canary = older_tenant("canary", is_canary=True)
    older_tenant("other")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {canary.schema_name}.intake_inboundevent (stray integer)")

    run = migrate_fleet(Choice(), Manner(jobs=2))

    assert (run.state, run.canaries, run.done, run.failed) == ("stopped", ["canary"], 0, 1)
    assert versions()["other"] == OLDER
    assert steps()["other"] == ("waiting", 0)


def test_named_canaries_take_the_place_of_the_flagged(fresh_database):
    older_tenant("flagged", is_canary=True)
    older_tenant("named")

    run = migrate_fleet(Choice(canaries=["named"]), Manner(jobs=1))

    assert (run.state, run.canaries, run.done) == ("done", ["named"], 2)


def test_a_locked_tenant_is_tried_again_and_then_named(fresh_database):
    locked, free = older_tenant("alocked"), older_tenant("free")
    with owner_connection() as connection, connection.transaction():
        connection.execute(sql.SQL("LOCK TABLE {}.connectors_inbox").format(sql.Identifier(locked.schema_name)))

        run = migrate_fleet(Choice(), Manner(jobs=1, lock_timeout="20ms", attempts=2))

    assert (run.state, run.done, run.failed) == ("failed", 1, 1)
    assert steps() == {"alocked": ("failed", 2), "free": ("done", 0)}
    assert versions() | {"acme": "", "globex": ""} == {"alocked": OLDER, "free": tenant_fingerprint(), "acme": "", "globex": ""}
    assert migrate_fleet(Choice(), Manner(jobs=1)).state == "done"
    assert differences(structure(locked), structure(free)) == []


def test_a_run_that_died_between_the_two_commits_is_understood(fresh_database):
    tenant = older_tenant("older")
    script = scripts.ensure_script(OLDER)
    with owner_connection() as connection:
        applying.apply_step(connection, tenant.schema_name, tenant_fingerprint(), script.statements, lock_timeout="2s")

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.done) == ("done", 1)
    assert versions()["older"] == tenant_fingerprint()
    assert differences(structure(tenant), template()) == []


def test_a_version_that_nobody_knows_is_a_failure_of_its_tenants_alone(fresh_database, acme):
    older_tenant("older")
    with tenancy.public_scope():
        Tenant.objects.filter(slug="acme").update(fingerprint="f" * 32)

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.done, run.failed) == ("failed", 1, 1)
    with tenancy.public_scope():
        assert "No artefact of the version ffffffffffff" in FleetStep.objects.get(tenant__slug="acme").error


def test_one_tenant_can_be_migrated_alone(fresh_database):
    one = older_tenant("one")
    older_tenant("two")

    run = migrate_fleet(Choice(tenant_id=one.pk), Manner(jobs=1))

    assert (run.state, run.total) == ("done", 1)
    assert (versions()["one"], versions()["two"]) == (tenant_fingerprint(), OLDER)


def test_a_tenant_on_another_cluster_is_migrated_there(second_cluster):
    here, there = older_tenant("here"), older_tenant("there", cluster=second_cluster)

    run = migrate_fleet(Choice(cluster=second_cluster), Manner(jobs=1))

    assert (run.state, run.total) == ("done", 1)
    assert differences(structure(there), template()) == []
    assert versions()["here"] == OLDER
    assert migrate_fleet(Choice(), Manner(jobs=1)).done == 1
    assert differences(structure(here), structure(there)) == []


def test_indexes_built_concurrently_come_behind_the_commit(fresh_database):
    tenant = older_tenant("older")
    scripts.ensure_script(OLDER)
    statement = "CREATE INDEX CONCURRENTLY later ON tickets_ticket (number)"
    with tenancy.public_scope():
        FleetScript.objects.update(after_statements=[statement])

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, steps()["older"][0]) == ("done", "done")
    assert "index later" in structure(tenant)
    with tenancy.public_scope():
        assert FleetStep.objects.get(tenant=tenant).after_statements == []


def test_a_concurrent_index_that_fails_is_built_by_the_next_run(fresh_database):
    tenant = older_tenant("older")
    scripts.ensure_script(OLDER)
    statement = "CREATE UNIQUE INDEX CONCURRENTLY later ON tickets_status (is_default)"
    with tenancy.public_scope():
        FleetScript.objects.update(after_statements=[statement])

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, steps()["older"]) == ("failed", ("failed", 1))
    assert structure(tenant)["index later"].endswith("INVALID")
    with owner_connection() as connection:
        connection.execute(f"DELETE FROM {tenant.schema_name}.tickets_status WHERE key <> 'new'")
    assert migrate_fleet(Choice(), Manner(jobs=1)).state == "done"
    assert not structure(tenant)["index later"].endswith("INVALID")


def test_a_script_that_forgets_something_is_never_stored(fresh_database, monkeypatch):
    older_tenant("older")
    keep = scripts.Recorder._keep
    monkeypatch.setattr(scripts.Recorder, "_keep", lambda self, text: keep(self, text) if "CREATE INDEX" not in text else None)

    with pytest.raises(scripts.NotDerivable, match=r"index intake_\S+ is missing"):
        scripts.ensure_script(OLDER)

    with tenancy.public_scope():
        assert not FleetScript.objects.exists()


def test_deriving_leaves_no_scratch_schema(fresh_database, monkeypatch):
    older_tenant("older")
    with owner_connection() as connection:
        connection.execute(f"CREATE SCHEMA scratch_{OLDER[:12]}_recorded")  # a run was killed

        scripts.ensure_script(OLDER)

        assert connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'scratch%'").fetchall() == []


def test_a_step_that_is_not_atomic_would_be_seen(fresh_database, monkeypatch):
    """The planted bug: statements that commit one by one leave a schema that is neither version."""
    broken = older_tenant("broken")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {broken.schema_name}.intake_inboundevent (stray integer)")
    before = structure(broken)

    def one_by_one(connection, schema, target, statements, *, lock_timeout):
        connection.execute(f"SET search_path = {schema}, extensions")
        for statement in statements:
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                raise applying.StatementFailed("failed") from error

    script = scripts.ensure_script(OLDER)
    with tenancy.public_scope():
        FleetScript.objects.filter(pk=script.pk).update(statements=["ALTER TABLE tickets_ticket ADD half integer", *script.statements])
    monkeypatch.setattr(workers, "apply_step", one_by_one)

    migrate_fleet(Choice(), Manner(jobs=1))

    assert differences(structure(broken), before) == ["column tickets_ticket.half is left over"]


def test_a_run_that_was_killed_is_closed_by_the_next_one(fresh_database):
    older_tenant("older")
    with tenancy.public_scope():
        killed = FleetRun.objects.create(target=tenant_fingerprint(), state="running")

    migrate_fleet(Choice(), Manner(jobs=1))

    with tenancy.public_scope():
        killed.refresh_from_db()
    assert killed.state == "interrupted"


def test_a_tenant_that_is_being_moved_is_left_alone_until_it_has_arrived(fresh_database):
    moving = older_tenant("moving", state="moving")
    before = structure(moving)

    assert migrate_fleet(Choice(), Manner(jobs=1)) is None

    assert structure(moving) == before
    with tenancy.public_scope():
        Tenant.objects.filter(pk=moving.pk).update(state="active")
    assert migrate_fleet(Choice(), Manner(jobs=1)).done == 1


def test_a_move_that_begins_during_a_run_is_not_disturbed(fresh_database):
    older_tenant("moving")
    with tenancy.public_scope():
        run = FleetRun.objects.create(target=tenant_fingerprint(), started_at=now())
        plans.prepare(Choice(), run)
        Tenant.objects.filter(slug="moving").update(state="moving")

    workers.Worker(workers.Orders(tenant_fingerprint()), threading.Event()).work(plans.EVERYONE)

    assert (versions()["moving"], steps()["moving"]) == (OLDER, ("waiting", 0))

"""Runs that operators ask for: the API, the worker, the commands."""

import json

import pytest
from conftest import ApiClient
from django.core.management import CommandError, call_command
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection

from shared_apps.accounts import services as accounts
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants import tasks
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet.scripts import ensure_script
from shared_apps.tenants.fleet.status import SILENT_AFTER, run_figures
from shared_apps.tenants.models import FleetRun, FleetStep, Tenant
from shared_apps.tenants.tests.older import OLDER, older_tenant

MIGRATIONS = "/api/platform/v1/migrations"


@pytest.fixture
def operator_client(operator, client_for):
    with tenancy.public_scope():
        _, key = accounts.create_api_key(user=operator, name="test")
    return ApiClient("localhost", key)


def test_the_api_tells_where_the_fleet_stands(operator_client):
    answer = operator_client.get(MIGRATIONS).json()

    assert answer["fingerprint"] == tenant_fingerprint()
    assert answer["versions"] == [
        {"fingerprint": tenant_fingerprint(), "state": "active", "tenants": 2, "is_current": True, "is_served": True}
    ]
    assert (answer["run"], answer["failures"], answer["data_changes"]) == (None, [], [])


def test_a_requested_run_is_audited_and_taken_up_by_the_worker(fresh_database, operator_client):
    older_tenant("older")
    ensure_script(OLDER)

    answer = operator_client.post_json(MIGRATIONS)
    tasks.run_fleet()

    assert (answer.status_code, answer.json()["state"]) == (202, "requested")
    with tenancy.public_scope():
        assert (FleetRun.objects.get().state, FleetRun.objects.get().done) == ("done", 1)
        assert Tenant.objects.get(slug="older").fingerprint == tenant_fingerprint()
        assert AuditEntry.objects.filter(action="fleet.run").count() == 1


def test_a_worker_derives_no_script(fresh_database, operator_client):
    older_tenant("older")

    operator_client.post_json(MIGRATIONS)
    tasks.run_fleet()

    (failure,) = operator_client.get(MIGRATIONS).json()["failures"]
    assert (failure["slug"], failure["version"]) == ("older", OLDER)
    assert "manage.py migrate_fleet derives it" in failure["error"]


def test_one_tenant_is_tried_again_and_no_other(fresh_database, operator_client):
    one = older_tenant("one")
    older_tenant("two")
    ensure_script(OLDER)

    answer = operator_client.put_json(f"/api/platform/v1/tenants/{one.public_id}/migration")
    tasks.run_fleet()

    assert answer.status_code == 202
    with tenancy.public_scope():
        assert dict(Tenant.objects.filter(slug__in=["one", "two"]).values_list("slug", "fingerprint")) == {
            "one": tenant_fingerprint(),
            "two": OLDER,
        }


def test_a_second_request_is_refused_while_one_is_open(operator_client, in_public):
    operator_client.post_json(MIGRATIONS)

    answer = operator_client.post_json(MIGRATIONS)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/run-under-way")
    assert FleetRun.objects.count() == 1


def test_a_tenant_that_is_up_to_date_is_refused(operator_client, in_public, acme):
    answer = operator_client.put_json(f"/api/platform/v1/tenants/{acme.id}/migration")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/tenant-up-to-date")
    assert not FleetRun.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", MIGRATIONS), ("POST", MIGRATIONS), ("PUT", "/api/platform/v1/tenants/01a20000-0000-7000-8000-000000000000/migration")],
)
def test_only_operators_may(client_for, ana, in_public, method, path):
    nobody, agent = client_for(None), client_for(ana)
    nobody.defaults["HTTP_HOST"] = agent.defaults["HTTP_HOST"] = "localhost"

    assert nobody.send(method, path).status_code == 401
    assert agent.send(method, path).status_code == 401
    assert client_for(ana).send(method, path).status_code == 404
    assert not FleetRun.objects.exists()


def test_a_run_that_says_nothing_any_more_was_interrupted(in_public):
    run = FleetRun.objects.create(target="x", state="running", total=9, done=3, started_at=now() - 3 * SILENT_AFTER, seen_at=now())
    assert (run_figures(run)["state"], run_figures(run)["remaining_seconds"]) == ("running", pytest.approx(90, abs=2))

    run.seen_at = now() - 2 * SILENT_AFTER

    assert (run_figures(run)["state"], run_figures(run)["remaining_seconds"]) == ("interrupted", None)


def test_the_command_migrates_reports_and_ends_well(fresh_database, tmp_path, capsys):
    older_tenant("older")

    call_command("migrate_fleet", "--report", str(tmp_path / "report.json"), "--canary", "older")

    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["run"]["state"], report["run"]["canaries"], report["run"]["done"]) == ("done", ["older"], 1)
    assert "1 of 1 tenants" in capsys.readouterr().out
    call_command("migrate_fleet")
    assert "Every tenant is up to date" in capsys.readouterr().out


def test_the_command_names_who_failed_and_ends_badly(fresh_database, capsys):
    tenant = older_tenant("broken")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {tenant.schema_name}.intake_inboundevent (stray integer)")

    with pytest.raises(CommandError, match="1 of 1 tenants were not migrated"):
        call_command("migrate_fleet")

    assert "broken: DuplicateTable" in capsys.readouterr().err
    call_command("fleet_status")
    assert "DuplicateTable" in capsys.readouterr().out
    call_command("fleet_status", "--json")
    assert json.loads(capsys.readouterr().out)["failures"][0]["slug"] == "broken"


@pytest.mark.parametrize("arguments", [["--canary", "nobody"], ["--tenant", "nobody"], ["--cluster", "nowhere"]])
def test_a_name_that_does_not_exist_is_refused(fresh_database, arguments):
    older_tenant("older")

    with pytest.raises(CommandError, match=r"nobody|nowhere"):
        call_command("migrate_fleet", *arguments)

    with tenancy.public_scope():
        assert not FleetStep.objects.exists()


def test_migrate_platform_fails_loudly_where_a_tenant_cannot_be_migrated(fresh_database):
    tenant = older_tenant("broken")
    with owner_connection() as connection:
        connection.execute(f"CREATE TABLE {tenant.schema_name}.intake_inboundevent (stray integer)")

    with pytest.raises(CommandError, match="1 of 1 tenants were not migrated"):
        call_command("migrate_platform")

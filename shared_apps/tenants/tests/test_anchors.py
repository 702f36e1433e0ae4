"""Anchors outside of the chains, what `verify_audit` says with them, and the removal of old entries."""

import datetime
import io
import json

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.db.routing import transaction_in_scope

from shared_apps.audit import services, trail
from shared_apps.audit.models import AuditEntry
from shared_apps.audit.tests.factories import entry
from shared_apps.audit.verifying import verify
from shared_apps.tenants.anchors import anchors_of, set_anchors
from shared_apps.tenants.models import AuditAnchor

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def file(tmp_path, settings):
    """The file of anchors."""
    settings.ATENDE_AUDIT_ANCHORS = str(tmp_path / "anchors.jsonl")
    return tmp_path / "anchors.jsonl"


def write(tenant, count=3):
    with tenancy.tenant_scope(tenant):
        for _ in range(count):
            entry()
        return trail.head()


def as_owner(tenant, statement, *values):
    with owner_connection(tenant.cluster) as connection:
        connection.execute(statement.format(f'"{tenant.schema}".audit_auditentry'), values)


def told(*arguments):
    out = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as stop:
        return stop.code, out.getvalue()
    return 0, out.getvalue()


def test_each_chain_that_moved_is_anchored_once(fresh_database, acme, globex, file):
    head = write(acme)
    set_anchors()
    again = set_anchors()
    write(globex)

    only = set_anchors()

    known, wrong = anchors_of(acme.id)
    assert again == []
    assert [anchor.tenant_id for anchor in only] == [globex.id]
    assert (known[head["entries"]].hex(), wrong) == (head["head"], 0)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert (str(acme.id), head["entries"], head["head"]) in {(line["tenant"], line["n"], line["hash"]) for line in lines}


def test_the_runtime_login_may_only_add_anchors(in_public):
    AuditAnchor.objects.create(n=1, hash=b"x", set_at=now(), mac=b"x")

    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope():
        AuditAnchor.objects.update(n=2)
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope():
        AuditAnchor.objects.all().delete()


def test_a_good_chain_is_intact(fresh_database, acme, file):
    write(acme)
    set_anchors()
    write(acme)

    status, text = told("--tenant", "acme")

    assert status == 0
    assert text.startswith("acme: intact, ")


def test_a_cut_chain_is_named_with_its_anchor(fresh_database, acme, file):
    head = write(acme)
    set_anchors()
    as_owner(acme, "DELETE FROM {} WHERE n > %s", head["entries"] - 2)

    status, text = told()

    assert status == 1
    assert f"acme: truncated after entry {head['entries'] - 2}: an anchor names entry {head['entries']}" in text
    assert "globex: intact" in text


def test_a_cut_chain_that_went_on_differs_from_its_anchor(fresh_database, acme, file):
    head = write(acme)
    set_anchors()
    as_owner(acme, "DELETE FROM {} WHERE n > %s", head["entries"] - 2)
    write(acme, 4)

    status, text = told("--tenant", "acme")

    assert status == 1
    assert f"acme: broken at entry {head['entries']}: an anchor has another hash" in text


def test_a_shorter_chain_gets_no_anchor(fresh_database, acme, file):
    head = write(acme)
    set_anchors()
    as_owner(acme, "DELETE FROM {} WHERE n > %s", head["entries"] - 1)

    assert set_anchors() == []


def test_the_file_finds_what_the_table_was_made_to_forget(fresh_database, acme, file):
    head = write(acme)
    set_anchors()
    as_owner(acme, "DELETE FROM {} WHERE n > %s", head["entries"] - 1)
    with owner_connection() as connection:
        connection.execute("DELETE FROM public.tenants_auditanchor")

    assert told("--tenant", "acme", "--anchors", str(file))[0] == 1


def test_an_anchor_that_was_altered_is_told(fresh_database, acme, file):
    write(acme)
    set_anchors()
    with owner_connection() as connection:
        connection.execute("UPDATE public.tenants_auditanchor SET n = n - 1")

    status, text = told("--tenant", "acme", "--anchors", str(file))

    assert status == 1
    assert "acme: 1 anchors were altered" in text


def test_an_altered_entry_is_named(fresh_database, acme):
    head = write(acme)
    as_owner(acme, "UPDATE {} SET action = 'nothing.happened' WHERE n = %s", head["entries"] - 1)

    assert f"acme: broken at entry {head['entries'] - 1}: it was altered" in told("--tenant", "acme")[1]


def test_an_unknown_tenant_or_file_is_an_error(fresh_database):
    for arguments in (["--tenant", "nobody"], ["--anchors", "/nowhere/anchors"]):
        with pytest.raises(CommandError):
            call_command("verify_audit", *arguments)


# --- retention ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def aged(fresh_database, acme):
    """Acme with some entries of long ago and some of today; entries are kept for ninety days."""
    with tenancy.tenant_scope(acme):
        as_owner(acme, "DELETE FROM {}")
        with time_machine.travel(LONG_AGO, tick=False):
            for _ in range(10):
                entry()
        entry()
        services.set_retention(keep_days=90)
    return acme


def test_old_entries_go_as_a_prefix_and_the_rest_verifies(aged):
    with tenancy.tenant_scope(aged):
        removed = services.prune()
        verdict = verify()
        boundary = AuditEntry.objects.get(action="audit.pruned")

    assert (removed, verdict.is_good, verdict.first) == (10, True, 11)
    assert boundary.changes["upto"] == [None, 10]


def test_pruning_twice_changes_nothing(aged):
    with tenancy.tenant_scope(aged):
        services.prune()
        before = trail.head()

        assert services.prune() == 0
        assert trail.head() == before


def test_nobody_can_remove_more_than_the_boundary_says(aged):
    with tenancy.tenant_scope(aged):
        services.prune()
        as_owner(aged, "DELETE FROM {} WHERE n <= %s", 11)
        verdict = verify()

    assert (verdict.broken_at, verdict.reason) == (11, "missing")


def test_a_chain_that_does_not_verify_loses_nothing(aged):
    as_owner(aged, "UPDATE {} SET action = 'x' WHERE n = %s", 3)
    with tenancy.tenant_scope(aged):
        assert services.prune() == 0
        assert AuditEntry.objects.count() == 12


def test_a_kill_between_boundary_and_removal_is_made_good(aged, monkeypatch):
    with tenancy.tenant_scope(aged):
        with monkeypatch.context() as patch:
            patch.setattr(services, "_delete", lambda upto: 0)
            services.prune()
        assert verify().is_good

        services.prune()

        assert (verify().is_good, verify().first) == (True, 11)


def test_old_entries_go_in_stages_that_each_verify(aged, monkeypatch):
    monkeypatch.setattr(services, "STAGE", 4)
    real, seen = services._delete, []

    def look(upto):
        removed = real(upto)
        seen.append((upto, removed, verify().is_good, verify().first))
        return removed

    monkeypatch.setattr(services, "_delete", look)
    with tenancy.tenant_scope(aged):
        assert services.prune() == 10

    assert seen == [(4, 4, True, 5), (8, 4, True, 9), (10, 2, True, 11)]


def test_a_run_that_was_killed_between_stages_goes_on(aged, monkeypatch):
    monkeypatch.setattr(services, "STAGE", 4)

    def die(upto):
        raise KeyboardInterrupt

    with tenancy.tenant_scope(aged):
        with monkeypatch.context() as patch:
            patch.setattr(services, "_delete", die)
            with pytest.raises(KeyboardInterrupt):
                services.prune()
        announced = AuditEntry.objects.filter(action="audit.pruned").count()

        assert (announced, services.prune(), verify().is_good, verify().first) == (1, 10, True, 11)


def test_what_was_announced_stays_where_it_is_to_be_kept_longer_by_now(aged, monkeypatch):
    with tenancy.tenant_scope(aged):
        with monkeypatch.context() as patch:
            patch.setattr(services, "_delete", lambda upto: 0)
            services.prune()
        services.set_retention(keep_days=36500)

        assert services.prune() == 0
        assert AuditEntry.objects.order_by("n").first().n == 1


def test_a_forged_announcement_removes_nothing(aged):
    """Whoever can add rows, but has no key, names the entries of today as well."""
    columns = "at, actor, action, object_type, object_id, changes, outcome, ip, user_agent, request_id, version, previous_hash, hash"
    forged = columns.replace("action", "'audit.pruned'").replace("changes", "jsonb_build_object('upto', jsonb_build_array(NULL, 11))")
    table = f'"{aged.schema}".audit_auditentry'
    as_owner(aged, f"INSERT INTO {{}} (n, {columns}) SELECT n + 1, {forged} FROM {table} ORDER BY n DESC LIMIT %s", 1)

    with tenancy.tenant_scope(aged):
        assert services.prune() == 0
        assert AuditEntry.objects.count() == 13


def test_without_a_retention_everything_stays(aged):
    with tenancy.tenant_scope(aged):
        services.set_retention(keep_days=None)

        assert services.prune() == 0
        assert [row.changes["keep_days"] for row in AuditEntry.objects.filter(action="audit.set_retention").order_by("n")] == [
            [None, 90],
            [90, None],
        ]


def test_a_retention_has_a_floor(in_acme):
    before = AuditEntry.objects.count()
    with pytest.raises(services.ValidationProblem):
        services.set_retention(keep_days=1)

    assert AuditEntry.objects.count() == before


def test_the_command_tells_and_sets_the_retention(fresh_database, acme):
    def run(*arguments):
        out = io.StringIO()
        call_command("audit_retention", "--tenant", "acme", *arguments, stdout=out)
        return out.getvalue().strip()

    assert [run(), run("--keep-days", "365"), run(), run("--for-ever")] == ["for ever", "365 days", "365 days", "for ever"]
    with pytest.raises(CommandError):
        run("--keep-days", "3")

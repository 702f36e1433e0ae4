"""What prepare_database takes away, what it says about it, and what the runtime log-in is left with."""

import io

import psycopg
import pytest
from django.core.management import call_command
from infra.dev.postgres import OWNER
from infra.testing import databases
from infra.testing.plugin import FACTS
from kernel import tenancy
from kernel.db.owner import owner_connection, runtime_login
from kernel.db.routing import connection_in_scope, transaction_in_scope
from shared_apps.accounts.models import User
from shared_apps.tenants import hardening, isolation


@pytest.fixture
def admin(fresh_database, acme):
    """The superuser's connection to the test's own database."""
    with psycopg.connect(databases.superuser_url(FACTS, acme.cluster, fresh_database), autocommit=True) as connection:
        yield connection


def soften(admin):
    """Puts the database back to how PostgreSQL makes it."""
    admin.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog TO PUBLIC")
    admin.execute("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC; GRANT UPDATE ON pg_catalog.pg_settings TO PUBLIC")


def admins(acme):
    """What DATABASE_ADMIN_URL and ATENDE_CLUSTERS would name for acme's cluster."""
    return {acme.cluster: databases.superuser_url(FACTS, acme.cluster, "postgres")}


def prepare(*arguments):
    out = io.StringIO()
    call_command("prepare_database", *arguments, stdout=out)
    return out.getvalue()


def states(connection, role="public"):
    return [finding.is_applied for finding in hardening.findings(connection, role=role)]


def test_every_line_is_applied_in_a_prepared_database(admin, acme):
    assert states(admin, OWNER)[0] is False  # who builds schemas keeps what that may need
    assert states(admin) == [True] * len(hardening.LINES)
    assert states(admin, acme.role) == [True] * len(hardening.LINES)
    assert states(admin, runtime_login()) == [True] * len(hardening.LINES)


def test_the_command_takes_the_rights_away_or_says_line_by_line_that_it_could_not(admin, settings, acme, subtests):
    owner = {acme.cluster: databases.owner_url(FACTS, acme.cluster, "postgres")}
    cases = [
        ("with the superuser", admins(acme), (), True, "applied", True),
        ("refused by the server", owner, (), False, "refused by this server", True),
        ("without an admin", {}, (), False, "not applied, no admin's URL is set", True),
        ("a report changes nothing", admins(acme), ("--report",), False, "refused by this server", False),
    ]
    for name, given, arguments, is_applied, words, is_prepared in cases:
        with subtests.test(name):
            soften(admin)
            settings.DATABASE_ADMINS = given
            assert states(admin) == [False] * len(hardening.LINES)

            said = prepare(*arguments)

            assert states(admin) == [is_applied] * len(hardening.LINES)
            assert [f"{acme.cluster}: {line.key}: {words}" in said for line in hardening.LINES] == [True] * len(hardening.LINES)
            assert ("The database is prepared" in said) == is_prepared


def test_the_product_needs_none_of_what_was_taken(acme, db):
    """A session gets its zone as it connects, and a limit for one transaction is a statement: neither calls a revoked function."""
    with tenancy.tenant_scope(acme), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        assert User.objects.count() > 0
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)


def test_sessions_of_the_runtime_log_in_have_time_limits(acme, db):
    with tenancy.tenant_scope(acme), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')")

        assert cursor.fetchone() == ("1min", "30s")


def test_migrations_have_no_time_limit(acme, db):
    with owner_connection(acme.cluster) as owner:
        assert owner.execute("SHOW statement_timeout").fetchone() == ("0",)


# --- what the page shows -----------------------------------------------------------------------------------------------
def failed(acme):
    """The keys of the checks that do not hold."""
    with tenancy.tenant_scope(acme):
        return [check.key for check in isolation.isolation_facts().checks if not check.is_met]


def test_every_check_holds_in_a_prepared_database(acme, db):
    assert failed(acme) == []


# what is planted, and the checks that must then fail
TOO_MANY = [
    ("ALTER ROLE {login} INHERIT", ["login_is_stripped"]),
    ("ALTER ROLE {login} CREATEDB", ["login_is_stripped"]),
    ("ALTER ROLE {here} LOGIN", ["role_is_stripped"]),
    ("ALTER TABLE {here}.tickets_tag OWNER TO {here}", ["owns_nothing"]),
    ("GRANT CREATE ON SCHEMA {here} TO {here}", ["creates_nothing"]),
    ("GRANT TEMPORARY ON DATABASE {name} TO PUBLIC", ["creates_nothing", "database_is_closed"]),
    ("GRANT USAGE ON SCHEMA {other} TO {here}", ["reaches_no_other_schema"]),
    ("GRANT USAGE ON SCHEMA public TO PUBLIC", ["reaches_no_other_schema"]),
    ("GRANT CONNECT ON DATABASE {name} TO PUBLIC", ["database_is_closed"]),
    ("GRANT UPDATE ON {here}.audit_auditentry TO {here}", ["audit_is_append_only"]),
    ("GRANT EXECUTE ON FUNCTION set_config TO PUBLIC", ["hardening.set_config"]),
    ("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC", ["hardening.plpgsql"]),
]


@pytest.mark.parametrize(("planted", "found"), TOO_MANY, ids=[planted for planted, _found in TOO_MANY])
def test_a_right_too_many_is_shown(admin, fresh_database, acme, globex, planted, found):
    """Planted and measured in one transaction that is never committed: roles belong to the whole server, which other tests use too."""
    log_in = runtime_login(acme.cluster)
    names = {"login": log_in, "here": acme.role, "other": globex.schema, "name": fresh_database}
    with admin.transaction(force_rollback=True), admin.cursor() as cursor:
        cursor.execute(planted.format(**names))
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {log_in}; SET LOCAL ROLE {acme.role}; SET LOCAL search_path = {acme.schema}")

        assert [check.key for check in isolation.measured(cursor, acme) if not check.is_met] == found


def test_an_old_schema_is_shown(acme, db, monkeypatch):
    monkeypatch.setattr(isolation, "tenant_fingerprint", lambda: "another")

    assert failed(acme) == ["schema_is_current"]


def test_a_role_that_is_not_switched_is_shown(acme, db):
    with tenancy.schema_scope(acme.schema, cluster=acme.cluster), connection_in_scope().cursor() as cursor:
        facts = isolation.measured(cursor, acme)

    assert "role_is_in_force" in [check.key for check in facts if not check.is_met]


@pytest.mark.parametrize(("person", "status"), [("ana", 403), ("ada", 200), ("rui", 401), (None, 401)])
def test_the_api_shows_the_isolation_to_admins_of_the_tenant(client_for, request, acme, person, status):
    client = client_for(request.getfixturevalue(person) if person else None)
    answer = client.get("/api/v1/isolation", HTTP_HOST=acme.host)

    assert answer.status_code == status
    if status == 200:
        body = answer.json()
        assert (body["schema"], body["role"], body["cluster"], body["hosts"]) == (acme.schema, acme.role, acme.cluster, ["acme.localhost"])
        assert [check["key"] for check in body["checks"]] == list(isolation.CHECKS)
        assert all(check["is_met"] for check in body["checks"])


def test_the_page_says_what_the_api_says(browser_for, ada, ana, acme):
    page = browser_for(ada).get("/settings/isolation/")
    refused = browser_for(ana).get("/settings/isolation/")

    assert (page.status_code, refused.status_code) == (200, 403)
    assert acme.schema in page.content.decode()
    assert page.content.decode().count("Holds") == len(isolation.CHECKS)
    assert acme.schema not in refused.content.decode()


def test_the_page_shows_what_does_not_hold(browser_for, ada, monkeypatch):
    monkeypatch.setattr(isolation, "tenant_fingerprint", lambda: "another")

    text = browser_for(ada).get("/settings/isolation/").content.decode()

    assert text.count("Does not hold") == 1
    assert f"{len(isolation.CHECKS) - 1} of {len(isolation.CHECKS)} checks hold" in text


def test_the_page_speaks_portuguese(browser_for, ada, acme):
    with tenancy.tenant_scope(acme):
        User.objects.filter(pk=ada.pk).update(language="pt-br")

    text = browser_for(ada).get("/settings/isolation/").content.decode()

    assert "Isolamento" in text
    assert text.count("Em ordem") == len(isolation.CHECKS)
    assert "Does not hold" not in text

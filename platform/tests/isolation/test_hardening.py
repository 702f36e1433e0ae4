"""What prepare_database takes away, what it says about it, and what the runtime log-in is left with."""

import io

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from infra.dev.postgres import OWNER, SUPERUSER
from infra.testing.plugin import FACTS
from kernel import tenancy
from kernel.db.owner import owner_connection, runtime_login
from shared_apps.accounts.models import User
from shared_apps.tenants import hardening, isolation


@pytest.fixture
def admin(fresh_database):
    """The superuser's connection to the test's own database."""
    with psycopg.connect(FACTS.postgres().url(SUPERUSER, FACTS.postgres_port, fresh_database), autocommit=True) as connection:
        yield connection


def soften(admin):
    """Puts the database back to how PostgreSQL makes it."""
    admin.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog TO PUBLIC")
    admin.execute("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC; GRANT UPDATE ON pg_catalog.pg_settings TO PUBLIC")


def prepare(*arguments):
    out = io.StringIO()
    call_command("prepare_database", *arguments, stdout=out)
    return out.getvalue()


def states(connection, role="public"):
    return [finding.is_applied for finding in hardening.findings(connection, role=role)]


def test_every_line_is_applied_in_a_prepared_database(admin, acme):
    assert states(admin) == [True] * len(hardening.LINES)
    assert states(admin, acme.role) == [True] * len(hardening.LINES)
    assert states(admin, runtime_login()) == [True] * len(hardening.LINES)


def test_preparing_takes_the_rights_away_and_says_so_line_by_line(admin, settings):
    soften(admin)
    settings.DATABASE_ADMIN_URL = FACTS.postgres().url(SUPERUSER, FACTS.postgres_port)

    before = states(admin)
    said = prepare()

    assert before == [False] * len(hardening.LINES)
    assert states(admin) == [True] * len(hardening.LINES)
    assert [f"{line.key}: applied" in said for line in hardening.LINES] == [True] * len(hardening.LINES)
    assert states(admin, OWNER)[0] is False  # the owner builds schemas and keeps what it may need


def test_a_server_that_gives_no_superuser_is_named_and_the_command_goes_on(admin, settings):
    soften(admin)
    settings.DATABASE_ADMIN_URL = FACTS.postgres().url(OWNER, FACTS.postgres_port)

    said = prepare()

    assert states(admin) == [False] * len(hardening.LINES)
    assert [f"{line.key}: refused by this server" in said for line in hardening.LINES] == [True] * len(hardening.LINES)
    assert "The database is prepared" in said


def test_without_an_admin_the_command_says_what_is_missing(admin, settings):
    soften(admin)
    settings.DATABASE_ADMIN_URL = ""

    said = prepare()

    assert [f"{line.key}: not applied, DATABASE_ADMIN_URL is unset" in said for line in hardening.LINES] == [True] * len(hardening.LINES)


def test_a_report_changes_nothing(admin, settings):
    soften(admin)
    settings.DATABASE_ADMIN_URL = FACTS.postgres().url(SUPERUSER, FACTS.postgres_port)

    said = prepare("--report")

    assert states(admin) == [False] * len(hardening.LINES)
    assert "prepared" not in said
    assert len(said.splitlines()) == len(hardening.LINES)


def test_the_product_needs_none_of_what_was_taken(fresh_database, acme):
    """Connecting, a transaction with a time limit, and a migration's plan: none calls a revoked function."""
    connection.close()
    connection.close_pool()
    with tenancy.tenant_scope(acme), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        assert User.objects.count() > 0
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)


def test_sessions_of_the_runtime_log_in_have_time_limits(fresh_database, acme):
    with tenancy.tenant_scope(acme), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')")

        assert cursor.fetchone() == ("1min", "30s")


def test_migrations_have_no_time_limit(fresh_database):
    with owner_connection() as owner:
        assert owner.execute("SHOW statement_timeout").fetchone() == ("0",)


# --- what the page shows -----------------------------------------------------------------------------------------------
def failed(acme):
    """The keys of the checks that do not hold."""
    with tenancy.tenant_scope(acme):
        return [check.key for check in isolation.isolation_facts().checks if not check.is_met]


def test_every_check_holds_in_a_prepared_database(fresh_database, acme):
    assert failed(acme) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("ALTER ROLE {login} INHERIT", ["login_is_stripped"]),
        ("ALTER ROLE {login} CREATEDB", ["login_is_stripped"]),
        ("ALTER ROLE {here} LOGIN", ["role_is_stripped"]),
        ("ALTER TABLE {here}.tickets_tag OWNER TO {here}", ["owns_nothing"]),
        ("GRANT CREATE ON SCHEMA {here} TO {here}", ["creates_nothing"]),
        ("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", ["creates_nothing", "database_is_closed"]),
        ("GRANT USAGE ON SCHEMA {other} TO {here}", ["reaches_no_other_schema"]),
        ("GRANT USAGE ON SCHEMA public TO PUBLIC", ["reaches_no_other_schema"]),
        ("GRANT CONNECT ON DATABASE {database} TO PUBLIC", ["database_is_closed"]),
        ("GRANT UPDATE ON {here}.audit_auditentry TO {here}", ["audit_is_append_only"]),
        ("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC", ["hardening.set_config"]),
        ("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC", ["hardening.plpgsql"]),
    ],
)
def test_a_right_too_many_is_shown(admin, fresh_database, acme, globex, planted, found):
    names = {"login": runtime_login(), "here": acme.role, "other": globex.schema, "database": fresh_database}
    undo = {"INHERIT": "NOINHERIT", "CREATEDB": "NOCREATEDB", "LOGIN": "NOLOGIN"}
    admin.execute(planted.format(**names))
    try:
        assert failed(acme) == found
    finally:  # roles belong to the whole server, not to this database
        if planted.startswith("ALTER ROLE"):
            statement, attribute = planted.format(**names).rsplit(" ", 1)
            admin.execute(f"{statement} {undo[attribute]}")
        admin.execute(f"REASSIGN OWNED BY {acme.role} TO {OWNER}")


def test_an_old_schema_is_shown(fresh_database, acme, monkeypatch):
    monkeypatch.setattr(isolation, "tenant_fingerprint", lambda: "another")

    assert failed(acme) == ["schema_is_current"]


def test_a_role_that_is_not_switched_is_shown(fresh_database, acme):
    with tenancy.schema_scope(acme.schema), connection.cursor() as cursor:
        facts = isolation.measured(cursor, acme)

    assert "role_is_in_force" in [check.key for check in facts if not check.is_met]


@pytest.mark.parametrize(("person", "status"), [("ana", 403), ("ada", 200), ("rui", 401), (None, 401)])
def test_the_api_shows_the_isolation_to_admins_of_the_tenant(client_for, request, acme, person, status):
    client = client_for(request.getfixturevalue(person) if person else None)
    answer = client.get("/api/v1/isolation", HTTP_HOST=acme.host)

    assert answer.status_code == status
    if status == 200:
        body = answer.json()
        assert (body["schema"], body["role"], body["cluster"], body["hosts"]) == (acme.schema, acme.role, "default", ["acme.localhost"])
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

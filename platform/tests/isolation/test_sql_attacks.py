"""What an attacker gains who can put SQL into a statement of ours: the runtime log-in, inside acme, aims at globex.

Two kinds of injection. A *part*: text inside a statement that we began, which is what injection normally is; everything is
refused. A *whole* statement: what we do not promise, and the last tests say so.
"""

import contextlib
import re

import psycopg
import pytest
from django.db import DatabaseError
from infra.testing import databases
from infra.testing.plugin import FACTS
from kernel import tenancy
from kernel.db.owner import runtime_login
from kernel.db.routing import connection_in_scope, transaction_in_scope
from psycopg import sql
from tenant_apps.contacts.models import Contact

SECRET = "a secret of globex"
_IN_ONE_QUERY = "SELECT set_config('role', '{other}', true), query_to_xml('TABLE {other}.contacts_contact', true, false, '')"
_REWRITE = "SELECT ts_rewrite('a'::tsquery, 'SELECT name::tsquery, name::tsquery FROM contacts_contact')"
_SESSIONS = "FROM pg_stat_activity WHERE usename = '{login}' AND pid <> pg_backend_pid()"
_ALL_OF_OTHER = "GRANT USAGE ON SCHEMA {other} TO {here}; GRANT ALL ON ALL TABLES IN SCHEMA {other} TO {here}"

# Name, injected text, and how the server refuses it. `{other}` is globex's schema and role.
PARTS = [
    ("a qualified read", "SELECT name FROM {other}.contacts_contact", "permission denied"),
    ("a union", "SELECT name FROM contacts_contact UNION ALL SELECT name FROM {other}.contacts_contact", "permission denied"),
    ("a subquery", "SELECT (SELECT name FROM {other}.contacts_contact LIMIT 1)", "permission denied"),
    ("a qualified write", "INSERT INTO {other}.contacts_contact SELECT * FROM contacts_contact", "permission denied"),
    ("a qualified delete", "DELETE FROM {other}.contacts_contact", "permission denied"),
    ("a writing CTE", "WITH gone AS (DELETE FROM {other}.contacts_contact RETURNING name) SELECT name FROM gone", "permission denied"),
    ("the path by set_config", "SELECT set_config('search_path', '{other}', false)", "permission denied for function set_config"),
    ("the role by set_config", "SELECT set_config('role', '{other}', false)", "permission denied for function set_config"),
    ("the session's user by set_config", "SELECT set_config('session_authorization', '{other}', false)", "permission denied"),
    ("role and read in one query", _IN_ONE_QUERY, "permission denied"),
    ("query_to_xml", "SELECT query_to_xml('SELECT 1', true, false, '')", "permission denied for function query_to_xml"),
    ("table_to_xml", "SELECT table_to_xml('contacts_contact', true, false, '')", "permission denied for function table_to_xml"),
    ("schema_to_xml", "SELECT schema_to_xml('{other}', true, false, '')", "permission denied"),
    ("database_to_xml", "SELECT database_to_xml(true, false, '')", "permission denied for function database_to_xml"),
    ("cursor_to_xml", "SELECT cursor_to_xml('c', 1, true, false, '')", "permission denied for function cursor_to_xml"),
    ("a DO block", "DO $$ BEGIN EXECUTE 'SET ROLE {other}'; END $$", "permission denied for language plpgsql"),
    ("an update of pg_settings", "UPDATE pg_settings SET setting = '{other}' WHERE name = 'role'", "permission denied"),
    ("ts_stat", "SELECT * FROM ts_stat('SELECT name::tsvector FROM {other}.contacts_contact')", "permission denied for function ts_stat"),
    ("ts_rewrite", _REWRITE, "permission denied for function ts_rewrite"),
    ("a session's advisory lock", "SELECT pg_advisory_lock(1)", "permission denied for function pg_advisory_lock"),
    ("a tried advisory lock", "SELECT pg_try_advisory_lock(1)", "permission denied for function pg_try_advisory_lock"),
    ("a large object", "SELECT lo_from_bytea(0, 'x')", "permission denied for function lo_from_bytea"),
    ("a file of the server", "SELECT pg_read_file('postgresql.conf')", "permission denied for function pg_read_file"),
    ("a folder of the server", "SELECT pg_ls_dir('.')", "permission denied for function pg_ls_dir"),
    ("a program of the server", "COPY contacts_contact TO PROGRAM 'true'", "permission denied to COPY to or from an external program"),
    ("a file written by the server", "COPY contacts_contact TO '/tmp/out'", "permission denied to COPY to a file"),
    ("the registry", "SELECT * FROM public.tenants_tenant", "permission denied"),
    ("the operators", "SELECT password FROM public.accounts_user", "permission denied"),
    ("the routes with their secrets", "SELECT secret FROM public.tenants_channelroute", "permission denied"),
    ("the passwords of log-ins", "SELECT rolpassword FROM pg_authid", "permission denied"),
    ("another session cancelled", "SELECT pg_cancel_backend(pid) " + _SESSIONS, "permission denied"),
    ("another session ended", "SELECT pg_terminate_backend(pid) " + _SESSIONS, "permission denied"),
    ("a new table", "CREATE TABLE stray (id int)", "permission denied"),
    ("a temporary table", "CREATE TEMPORARY TABLE stray (id int)", "permission denied"),
    ("a new schema", "CREATE SCHEMA stray", "permission denied"),
    ("a new role", "CREATE ROLE stray", "permission denied"),
    ("a function", "CREATE FUNCTION stray() RETURNS int LANGUAGE sql AS 'SELECT 1'", "permission denied"),
    ("an extension", "CREATE EXTENSION dblink", "permission denied|not available"),
    ("its own grant", "GRANT {other} TO CURRENT_USER", "permission denied"),
    ("its own table altered", "ALTER TABLE contacts_contact ADD COLUMN stray int", "must be owner"),
    ("its own audit trail changed", "UPDATE audit_auditentry SET action = 'x'", "permission denied"),
    ("its own audit trail cut", "TRUNCATE audit_auditentry", "permission denied"),
    ("stacked: back to the log-in", "SELECT 1; RESET ROLE", "multiple commands"),
    ("stacked: another role", "SELECT 1; SET ROLE {other}; SELECT name FROM contacts_contact", "multiple commands"),
    ("stacked behind a comment", "SELECT 1 --\n; SET ROLE {other}", "multiple commands"),
]  # fmt: skip


WEAKENED = [
    ("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC", ["the role by set_config", "the path by set_config"]),
    ("GRANT EXECUTE ON FUNCTION query_to_xml(text, boolean, boolean, text) TO PUBLIC", ["query_to_xml"]),
    ("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC", ["a DO block"]),
    ("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC", ["a session's advisory lock"]),
    ("GRANT USAGE ON SCHEMA public TO {here}; GRANT SELECT ON public.tenants_tenant TO {here}", ["the registry"]),
    (_ALL_OF_OTHER, ["a qualified read", "a union", "a qualified delete"]),
]


@pytest.fixture
def secret_of_globex(globex, database):
    """A row of globex, and an idle second session of the runtime log-in."""
    with tenancy.tenant_scope(globex):
        Contact.objects.create(name=SECRET)
        name = connection_in_scope().settings_dict["NAME"]
    with psycopg.connect(databases.runtime_url(FACTS, globex.cluster, name)) as idle:
        yield globex
        assert idle.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def attack(statement, other, parameters=None):
    """What the runtime log-in gets for a statement inside the scope entered: rows, or the server's refusal as text."""
    text = statement.format(other=other.schema, login=runtime_login(other.cluster))
    try:
        with transaction_in_scope(), connection_in_scope().cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []
    except DatabaseError as error:
        return str(error)


def refused(statement, reason, other):
    """Findings about one attack: it must be refused for this reason, and the other tenant's rows must be what they were."""
    answer = attack(statement, other)
    if not isinstance(answer, str):
        yield f"answered {answer}"
    elif not re.search(reason, answer):
        yield f"refused for another reason: {answer}"
    with tenancy.tenant_scope(other):
        if list(Contact.objects.values_list("name", flat=True)) != [SECRET]:
            yield "changed rows"


def test_every_injected_part_is_refused(secret_of_globex, acme, counted, subtests):
    for name, statement, reason in PARTS:
        with subtests.test(name), tenancy.tenant_scope(acme):
            assert list(refused(statement, reason, secret_of_globex)) == []
    counted("sql attacks", refused=len(PARTS))


def test_an_injected_part_behind_a_parameter_is_refused_too(secret_of_globex, acme):
    with tenancy.tenant_scope(acme):
        answer = attack("SELECT %s; SET ROLE {other}", secret_of_globex, ["x"])

    assert "multiple commands" in answer


def test_the_names_of_other_schemas_can_be_read_and_say_nothing(secret_of_globex, acme):
    """Not hidden: the catalogue is everybody's. So a schema's name is drawn at random and tells nobody's name."""
    with tenancy.tenant_scope(acme):
        names = [row[0] for row in attack("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't%%'", secret_of_globex)]

    assert secret_of_globex.schema in names
    assert not any("globex" in name or "acme" in name for name in names)


def test_what_other_sessions_run_cannot_be_read(secret_of_globex, acme):
    with tenancy.tenant_scope(acme):
        rows = attack("SELECT query FROM pg_stat_activity WHERE usename = '{login}'", secret_of_globex)

    assert {row[0] for row in rows} == {"<insufficient privilege>"}


def test_the_session_can_always_be_used_after_an_attack(secret_of_globex, acme):
    with tenancy.tenant_scope(acme):
        attack("SELECT set_config('role', '{other}', false)", secret_of_globex)

        assert not Contact.objects.filter(name=SECRET).exists()
        assert attack("SELECT current_user::text", secret_of_globex) == [(acme.role,)]


# --- what is not promised ----------------------------------------------------------------------------------------------
def test_not_promised_a_whole_statement_can_take_another_role(secret_of_globex, acme):
    """Whoever chooses a *whole* statement, and then a second one, can become another tenant: SET ROLE is a statement.

    This is why the text of a statement is never taken from outside. A wall there is a log-in or a database of its own.
    """
    with tenancy.tenant_scope(acme), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {secret_of_globex.role}")
        cursor.execute(f"SELECT name FROM {secret_of_globex.schema}.contacts_contact")
        rows = cursor.fetchall()

    assert rows == [(SECRET,)]


def test_not_promised_a_transactions_advisory_lock_is_seen_by_all(secret_of_globex, acme):
    """The numbers of locks are one space for the whole database; what we lock ourselves are rows."""
    with tenancy.tenant_scope(acme):
        assert attack("SELECT pg_advisory_xact_lock(1) IS NULL", secret_of_globex) == [(False,)]


# --- the table bites ---------------------------------------------------------------------------------------------------
def test_a_right_given_back_is_found(fresh_database, secret_of_globex, acme, subtests):
    names = {"other": sql.Identifier(secret_of_globex.schema), "here": sql.Identifier(acme.role)}
    parts = {name: (statement, reason) for name, statement, reason in PARTS}
    with psycopg.connect(databases.superuser_url(FACTS, acme.cluster, fresh_database), autocommit=True) as admin:
        for weakened, attacks in WEAKENED:
            if "public." in weakened and acme.cluster != tenancy.DEFAULT_CLUSTER:
                continue  # the registry is on the default cluster alone
            admin.execute(sql.SQL(weakened).format(**names))
            for name in attacks:
                with subtests.test(name), tenancy.tenant_scope(acme):
                    assert list(refused(*parts[name], secret_of_globex)) != []


def test_a_cursor_of_the_simple_protocol_is_found(secret_of_globex, acme, monkeypatch):
    """Without our cursor class a stacked statement runs, and reads."""
    monkeypatch.setattr("kernel.db.base.ExtendedProtocolCursor._execute_send", psycopg.ClientCursor._execute_send)

    name, statement, reason = next(part for part in PARTS if part[0] == "stacked: another role")
    with tenancy.tenant_scope(acme), contextlib.suppress(DatabaseError):
        assert list(refused(statement, reason, secret_of_globex)) != [], name

"""The database backend: fails closed, follows the scope, refuses stacked statements."""

import contextlib
import threading
import time

import psycopg
import pytest
from django.db import DatabaseError, connections
from infra.testing.databases import superuser_url
from infra.testing.plugin import FACTS
from shared_apps.accounts.models import User

from kernel import tenancy
from kernel.db import pool
from kernel.db.base import TenantSwitchInTransaction
from kernel.db.owner import runtime_login
from kernel.db.routing import connection_in_scope, transaction_in_scope


def current_schema() -> str:
    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return cursor.fetchone()[0]


def test_a_query_without_any_scope_raises(db):
    with pytest.raises(tenancy.NoTenantContext):
        User.objects.count()


def test_the_path_follows_the_scope(db, acme, globex):
    with tenancy.tenant_scope(acme):
        first = current_schema()
    with tenancy.tenant_scope(globex):
        second = current_schema()
    with tenancy.public_scope():
        third = current_schema()

    assert (first, second, third) == (acme.schema, globex.schema, "public")


def test_the_role_follows_the_scope(in_acme, acme):
    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == acme.role


def test_a_stacked_statement_is_refused(in_acme):
    with pytest.raises(DatabaseError, match="multiple commands"), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2")


def test_a_stacked_statement_with_parameters_is_refused(in_acme):
    with pytest.raises(DatabaseError, match="multiple commands"), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT %s; RESET ROLE", [1])


def test_another_tenants_table_is_denied_by_the_database(in_acme, globex):
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{globex.schema}".accounts_user')


def test_the_registry_is_denied_to_a_tenant(in_acme):
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT * FROM public.tenants_tenant")


def test_a_tenant_cannot_create_tables(in_acme):
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("CREATE TABLE stray (id int)")


def test_a_switch_inside_a_transaction_is_refused(in_acme, globex):
    with transaction_in_scope():
        User.objects.count()
        with pytest.raises(TenantSwitchInTransaction), tenancy.tenant_scope(globex):
            User.objects.count()


def test_the_path_is_set_again_after_a_rolled_back_savepoint(acme, globex, in_acme):
    with pytest.raises(DatabaseError), transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT * FROM there_is_no_such_table")

    assert current_schema() == acme.schema


def test_a_refused_switch_raises_instead_of_answering_from_the_old_schema(fresh_database, acme, globex):
    ghost = tenancy.TenantRef(
        acme.id, "ghost", "Ghost", "t_000000000000", "t_000000000000", "active", "ghost.localhost", cluster=acme.cluster
    )
    with tenancy.tenant_scope(acme):
        User.objects.count()
    with pytest.raises(DatabaseError, match=r"role .* does not exist"), tenancy.tenant_scope(ghost):
        User.objects.count()

    with tenancy.tenant_scope(globex):
        assert current_schema() == globex.schema


def read_in_turns(tenants, wrong):
    """Switches between the tenants and notes every answer from another schema; an error is fine, a wrong answer is not."""
    try:
        for turn in range(300):
            tenant = tenants[turn % 2]
            with contextlib.suppress(DatabaseError, psycopg.Error), tenancy.tenant_scope(tenant):
                seen = current_schema()
                if seen != tenant.schema:
                    wrong.append((tenant.schema, seen))
    finally:
        connections.close_all()


def cancel_everybody(url, stop, cancelled):
    """As the superuser: the owner may not cancel the runtime log-in's queries."""
    with psycopg.connect(url, autocommit=True) as admin:
        while not stop.is_set():
            cancelled += admin.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s",
                [runtime_login()],
            ).fetchall()


def test_threads_under_cancels_never_read_another_tenant(fresh_database, acme, globex):
    """The stock wrapper swallows a cancelled SET and answers from the schema before; ours must raise."""
    wrong, cancelled, stop = [], [], threading.Event()
    readers = [threading.Thread(target=read_in_turns, args=((acme, globex), wrong)) for _ in range(4)]
    canceller = threading.Thread(target=cancel_everybody, args=(superuser_url(FACTS, acme.cluster, fresh_database), stop, cancelled))

    canceller.start()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    stop.set()
    canceller.join()

    assert wrong == []
    assert cancelled


def backend_pid() -> int:
    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def pids_of_visits(*tenants) -> list[int]:
    """The backend that serves each visit, with the connection given back to the pool in between, as after a request."""
    pids = []
    for tenant in tenants:
        with tenancy.tenant_scope(tenant):
            pids.append(backend_pid())
            connection = connection_in_scope()
            connection.close()
            wait_until_returned(connection.pool)
    return pids


def wait_until_returned(used) -> None:
    """The pool resets a returned connection in a thread of its own; until then it would open another one."""
    deadline = time.monotonic() + 20
    while (stats := used.get_stats())["pool_size"] != stats["pool_available"]:
        assert time.monotonic() < deadline, stats
        time.sleep(0.005)


def test_a_pooled_connection_is_replaced_when_its_backend_has_grown(fresh_database, acme, globex, settings, monkeypatch):
    monkeypatch.setattr(pool, "MEASURE_EVERY", 2)
    settings.ATENDE_DB_CONNECTION_MEMORY_MB = 1

    first, second, third = pids_of_visits(acme, globex, acme)

    assert first == second
    assert third != first


def test_a_pooled_connection_whose_backend_is_small_is_kept(fresh_database, acme, globex, settings, monkeypatch):
    monkeypatch.setattr(pool, "MEASURE_EVERY", 1)
    settings.ATENDE_DB_SCHEMAS_PER_CONNECTION = 1  # counts only where the server does not tell

    assert len(set(pids_of_visits(acme, globex, acme, globex, acme))) == 1


@pytest.fixture
def untold(fresh_database, acme):
    """A server that does not let the runtime log-in read its memory."""
    with psycopg.connect(superuser_url(FACTS, acme.cluster, fresh_database), autocommit=True) as admin:
        admin.execute(f"REVOKE SELECT ON pg_catalog.pg_backend_memory_contexts FROM {runtime_login(acme.cluster)}")


def test_where_the_server_does_not_tell_the_number_of_schemas_decides(untold, acme, globex, settings, monkeypatch):
    monkeypatch.setattr(pool, "MEASURE_EVERY", 1)
    settings.ATENDE_DB_SCHEMAS_PER_CONNECTION = 2

    first, second, third = pids_of_visits(acme, globex, acme)

    assert first == second
    assert third != first


def test_only_the_runtime_log_in_reads_its_memory(fresh_database, acme):
    with tenancy.tenant_scope(acme), connection_in_scope().cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"):
        cursor.execute(pool._MEMORY)

"""Taking rights from a tenant's role: what no process can overlook, however old what it remembers of the registry is."""

import uuid
from typing import Any

import psycopg
from kernel.db.owner import owner_connection
from psycopg import sql

from shared_apps.tenants import schemas

LOCK_TIMEOUT = "60s"


def forbid_writing(cluster: str, schema: str) -> None:
    """From the return of this function on nothing is written to the schema by its role, and everything begun before has ended.

    A statement checks its rights after it has locked its tables, and holds the lock until its transaction ends. So whoever had
    passed the check before the rights were taken is waited for by the SHARE lock, and whoever comes later is refused. One table
    at a time is locked, so that no writer who holds one table and comes to the next can be in a deadlock with us.
    """
    with owner_connection(cluster) as connection:
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} FROM {0}").format(name))
        connection.execute(sql.SQL("REVOKE USAGE ON ALL SEQUENCES IN SCHEMA {0} FROM {0}").format(name))
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        for table in _tables(connection, schema):
            with connection.transaction():
                connection.execute(sql.SQL("LOCK TABLE {}.{} IN SHARE MODE").format(name, sql.Identifier(table)))


def wait_for_migration(tenant_id: uuid.UUID) -> None:
    """A migration that claimed the tenant before its state changed sets the role's rights at its end, so its end is waited for; the
    next ones leave a tenant alone that is being moved or deleted."""
    with owner_connection() as connection, connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        connection.execute(
            "SELECT 1 FROM tenants_fleetstep s JOIN tenants_tenant t ON t.id = s.tenant_id WHERE t.public_id = %s FOR UPDATE OF s",
            [tenant_id],
        )


def allow(cluster: str, schema: str) -> None:
    """Gives the role its ordinary rights back; nothing happens where the schema is gone."""
    with owner_connection(cluster) as connection:
        if exists(connection, schema):
            schemas.grant_rights(connection, schema)


def forbid_everything(cluster: str, schema: str) -> None:
    """The role cannot even read its schema any more: a process that still remembers it gets an error and no old answer."""
    with owner_connection(cluster) as connection:
        if exists(connection, schema):
            connection.execute(sql.SQL("REVOKE USAGE ON SCHEMA {0} FROM {0}").format(sql.Identifier(schema)))


def exists(connection: "psycopg.Connection[Any]", schema: str) -> bool:
    """Whether there is a schema of this name."""
    return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is not None


def _tables(connection: "psycopg.Connection[Any]", schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r' ORDER BY relname", [schema]
    )
    return [str(name) for (name,) in rows.fetchall()]

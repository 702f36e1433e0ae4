"""One tenant's step: its script in one transaction, together with the mark that tells which version the schema has.

The mark is the schema's comment. It commits with the statements, so a run that dies between the schema's commit and the registry's,
which may be on another server, finds out what happened; a schema without a mark has the version that the registry says.
"""

import re
from typing import Any

import psycopg
from psycopg import sql

from shared_apps.tenants.schemas import grant_rights

_MARK = "atende version "
_INDEX = re.compile(r'\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF NOT EXISTS\s+)?"?(?P<name>[^"\s]+)"?', re.IGNORECASE)
_IS_VALID = """
SELECT i.indisvalid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE x.relnamespace = %s::regnamespace AND x.relname = %s"""


class StatementFailed(RuntimeError):
    """A statement of the script failed; the message names it and the transaction is gone. The database's error is the cause."""


def version_of(connection: "psycopg.Connection[Any]", schema: str) -> str | None:
    """The fingerprint that the schema is marked with."""
    row = connection.execute("SELECT obj_description(%s::regnamespace, 'pg_namespace')", [schema]).fetchone()
    text = str(row[0] or "") if row else ""
    return text.removeprefix(_MARK) if text.startswith(_MARK) else None


def mark_version(connection: "psycopg.Connection[Any]", schema: str, fingerprint: str) -> None:
    """Marks the schema, as part of the running transaction."""
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(_MARK + fingerprint)))


def apply_step(connection: "psycopg.Connection[Any]", schema: str, target: str, statements: list[str], *, lock_timeout: str) -> None:
    """Runs the statements, sets the rights of the tenant's role and the mark, all or nothing. Raises StatementFailed."""
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(lock_timeout)))
        connection.execute(sql.SQL("SET LOCAL search_path = {}, extensions").format(sql.Identifier(schema)))
        for statement in statements:
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                raise StatementFailed(f"{type(error).__name__}: {str(error).strip()}; in: {statement[:200]}") from error
        if statements:
            grant_rights(connection, schema)
        mark_version(connection, schema, target)


def apply_after(connection: "psycopg.Connection[Any]", schema: str, statements: list[str]) -> None:
    """Runs statements that refuse a transaction. Safe to repeat: a finished index is left alone, a half-built one is built anew."""
    connection.execute(sql.SQL("SET search_path = {}, extensions").format(sql.Identifier(schema)))
    try:
        for statement in statements:
            _apply_index(connection, schema, statement)
    finally:
        if not connection.closed:
            connection.execute("RESET search_path")


def _apply_index(connection: "psycopg.Connection[Any]", schema: str, statement: str) -> None:
    match = _INDEX.match(statement)
    if match is not None:
        found = connection.execute(_IS_VALID, [schema, match["name"]]).fetchone()
        if found is not None and found[0]:
            return
        if found is not None:
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(match["name"])))
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        raise StatementFailed(f"{type(error).__name__}: {str(error).strip()}; in: {statement[:200]}") from error

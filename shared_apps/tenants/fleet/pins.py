"""The pinned rows of a fleet script: content types and permissions that came, changed or went between two versions."""

from typing import Any

import psycopg
from psycopg import sql

_TABLES = {"django_content_type": ("id", "app_label", "model"), "auth_permission": ("id", "content_type_id", "codename", "name")}
_REFERRERS = """
SELECT c.relname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
WHERE k.connamespace = %(schema)s::regnamespace AND k.contype = 'f' AND k.confrelid = (%(schema)s || '.' || %(table)s)::regclass
ORDER BY c.relname"""

Rows = dict[int, tuple[Any, ...]]


def pin_statements(connection: "psycopg.Connection[Any]", old: str, new: str) -> list[str]:
    """What makes the pinned rows of the schema `old` those of `new`. The rights on models that are gone go with them."""
    before = {table: _rows(connection, old, table) for table in _TABLES}
    after = {table: _rows(connection, new, table) for table in _TABLES}
    statements: list[str] = []
    for table in ("auth_permission", "django_content_type"):
        statements += _removals(connection, new, table, sorted(before[table].keys() - after[table].keys()))
    for table in _TABLES:
        statements += [_change(connection, table, row) for key, row in after[table].items() if before[table].get(key, row) != row]
        statements += [_addition(connection, table, row) for key, row in after[table].items() if key not in before[table]]
    if statements:
        statements += [_position(table) for table in _TABLES]
    return statements


def _rows(connection: "psycopg.Connection[Any]", schema: str, table: str) -> Rows:
    query = sql.SQL("SELECT {} FROM {} ORDER BY id").format(
        sql.SQL(", ").join(map(sql.Identifier, _TABLES[table])), sql.Identifier(schema, table)
    )
    return {row[0]: row for row in connection.execute(query).fetchall()}


def _removals(connection: "psycopg.Connection[Any]", schema: str, table: str, ids: list[int]) -> list[str]:
    """Deletes what points to the rows first."""
    if not ids:
        return []
    gone = ", ".join(map(str, ids))
    referrers = connection.execute(_REFERRERS, {"schema": schema, "table": table}).fetchall()
    targets = [(name, column) for name, column in referrers if name not in _TABLES] + [(table, "id")]
    return [
        sql.SQL("DELETE FROM {} WHERE {} IN ({})").format(sql.Identifier(name), sql.Identifier(column), sql.SQL(gone)).as_string(connection)
        for name, column in targets
    ]


def _change(connection: "psycopg.Connection[Any]", table: str, row: tuple[Any, ...]) -> str:
    pairs = zip(_TABLES[table][1:], row[1:], strict=True)
    assignments = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in pairs)
    statement = sql.SQL("UPDATE {} SET {} WHERE id = {}").format(sql.Identifier(table), assignments, sql.Literal(row[0]))
    return statement.as_string(connection)


def _addition(connection: "psycopg.Connection[Any]", table: str, row: tuple[Any, ...]) -> str:
    names = sql.SQL(", ").join(map(sql.Identifier, _TABLES[table]))
    values = sql.SQL(", ").join(map(sql.Literal, row))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, values).as_string(connection)


def _position(table: str) -> str:
    return f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608 (our own names)

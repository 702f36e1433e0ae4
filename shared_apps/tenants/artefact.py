"""Captures a migrated schema as SQL that rebuilds it, names and seed rows included, under any other schema name.

The statements name no schema: they are captured and replayed with the schema first in the search_path. Django's
schemas hold tables, identity columns, constraints and indexes; anything else in the template is refused loudly.
"""

from typing import Any

import psycopg
from psycopg import sql

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
       pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, co.collname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' ORDER BY c.relname, a.attnum"""
_CONSTRAINTS = """
SELECT c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid, true)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.connamespace = %s::regnamespace AND k.contype IN ('p', 'u', 'c', 'x', 'f') ORDER BY k.contype = 'f', c.relname, k.conname"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid, 0, true) FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = %s::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) ORDER BY x.relname"""
_FOREIGN_OBJECTS = """
SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = %(s)s::regnamespace AND relkind NOT IN ('r', 'i', 'S', 't')
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = %(s)s::regnamespace
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = %(s)s::regnamespace AND NOT tgisinternal
UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = %(s)s::regnamespace AND typtype NOT IN ('c', 'b')"""


class NotCapturable(RuntimeError):
    """The template holds an object that the artefact cannot carry (a view, function, trigger or type)."""


def capture(connection: "psycopg.Connection[Any]", schema: str) -> list[str]:
    """The statements that rebuild `schema`, in order: tables, keys, seed rows, sequences, foreign keys, indexes."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL search_path = {}, extensions").format(sql.Identifier(schema)))
        foreign = cursor.execute(_FOREIGN_OBJECTS, {"s": schema}).fetchall()
        if foreign:
            raise NotCapturable(", ".join(row[0] for row in foreign))
        columns = cursor.execute(_COLUMNS, [schema]).fetchall()
        constraints = cursor.execute(_CONSTRAINTS, [schema]).fetchall()
        indexes = [row[0] for row in cursor.execute(_INDEXES, [schema]).fetchall()]
        tables: dict[str, list[Any]] = {}
        for column in columns:
            tables.setdefault(column[0], []).append(column[1:])
        statements = [_create_table(cursor, table, tables[table]) for table in tables]
        statements += [_add_constraint(cursor, *row) for row in constraints if row[2] != "f"]
        for table in tables:
            statements += _seed(cursor, table, tables[table])
        statements += [_add_constraint(cursor, *row) for row in constraints if row[2] == "f"]
        return statements + indexes


def replay(connection: "psycopg.Connection[Any]", schema: str, statements: str) -> None:
    """Creates `schema` from captured statements, as one batch in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        name = sql.Identifier(schema)
        cursor.execute(sql.SQL("CREATE SCHEMA {0}; SET LOCAL search_path = {0}, extensions").format(name))
        cursor.execute(statements)  # our own captured text


def _create_table(cursor: Any, table: str, columns: list[Any]) -> str:  # Any: a cursor and catalogue rows
    lines = [_column(cursor, *column) for column in columns]
    return f"CREATE TABLE {_name(cursor, table)} ({', '.join(lines)})"


def _column(
    cursor: Any,  # Any: a cursor
    name: str,
    kind: str,
    not_null: bool,
    identity: str,
    default: str | None,
    generated: str,
    collation: str | None,
) -> str:
    line = f"{_name(cursor, name)} {kind}"
    if collation:
        line += f" COLLATE {_name(cursor, collation)}"
    if generated:
        line += f" GENERATED ALWAYS AS ({default}) STORED"
    elif identity:
        line += f" GENERATED {'ALWAYS' if identity == 'a' else 'BY DEFAULT'} AS IDENTITY"
    elif default is not None:
        line += f" DEFAULT {default}"
    return line + (" NOT NULL" if not_null else "")


def _add_constraint(cursor: Any, table: str, name: str, _kind: str, definition: str) -> str:  # Any: a cursor
    return f"ALTER TABLE {_name(cursor, table)} ADD CONSTRAINT {_name(cursor, name)} {definition}"


def _seed(cursor: Any, table: str, columns: list[Any]) -> list[str]:  # Any: a cursor and catalogue rows
    stored = [column for column in columns if not column[5]]
    names = ", ".join(_name(cursor, column[0]) for column in stored)
    selected = ", ".join(f"{_name(cursor, column[0])}::text" for column in stored)
    rows = cursor.execute(f"SELECT {selected} FROM {_name(cursor, table)} ORDER BY 1").fetchall() if stored else []  # noqa: S608 (quoted names)
    if not rows:
        return []
    casts = [column[1] for column in stored]
    values = ", ".join(
        "("
        + ", ".join(
            "NULL" if value is None else f"{sql.Literal(value).as_string(cursor)}::{cast}" for value, cast in zip(row, casts, strict=True)
        )
        + ")"
        for row in rows
    )
    statements = [f"INSERT INTO {_name(cursor, table)} ({names}) OVERRIDING SYSTEM VALUE VALUES {values}"]  # noqa: S608 (quoted)
    for column in stored:
        if column[3]:
            quoted, highest = _name(cursor, table), f"max({_name(cursor, column[0])})"
            statements.append(
                f"SELECT setval(pg_get_serial_sequence('{quoted}', '{column[0]}'), (SELECT {highest} FROM {quoted}))"  # noqa: S608 (quoted)
            )
    return statements


def _name(cursor: Any, name: str) -> str:  # Any: a cursor
    return sql.Identifier(name).as_string(cursor)

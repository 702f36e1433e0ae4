"""The oracle: what a schema consists of, object by object, and where two schemas differ.

It knows nothing of how a schema was made, so it can judge every way of making one. The order of a table's columns counts for nothing,
nor do the moments and random ids in seed rows; a condition is compared without casts and brackets, which PostgreSQL prints differently
once it has parsed its own print.
"""

import json
import re
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
SELECT 'table ' || relname, concat_ws(' ', relpersistence::text, relrowsecurity::text, relforcerowsecurity::text, reloptions::text)
FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r'"""
_OTHERS = """
SELECT 'relation ' || relname, relkind::text FROM pg_class
  WHERE relnamespace = %(schema)s::regnamespace AND relkind NOT IN ('r', 'i', 'S', 't')
UNION ALL SELECT 'function ' || proname, pg_get_functiondef(oid) FROM pg_proc
  WHERE pronamespace = %(schema)s::regnamespace AND prokind = 'f'
UNION ALL SELECT 'trigger ' || c.relname || '.' || tgname, pg_get_triggerdef(t.oid, true)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
UNION ALL SELECT 'type ' || typname, typtype::text FROM pg_type
  WHERE typnamespace = %(schema)s::regnamespace AND typtype NOT IN ('c', 'b')"""
_COLUMNS = """
SELECT 'column ' || c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull THEN 'NOT NULL' END, CASE WHEN a.attidentity <> '' THEN 'IDENTITY ' || a.attidentity::text END,
  CASE WHEN a.attgenerated <> '' THEN 'GENERATED' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
  'COLLATE ' || (SELECT collname FROM pg_collation WHERE oid = a.attcollation))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r'"""
_SEQUENCES = """
SELECT 'sequence of ' || t.relname || '.' || a.attname, concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
  s.seqmax, s.seqcache, s.seqcycle)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE c.relnamespace = %(schema)s::regnamespace"""
_CONSTRAINTS = """
SELECT 'constraint ' || c.relname || '.' || k.conname, k.contype::text || ' ' || pg_get_constraintdef(k.oid, true)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = %(schema)s::regnamespace AND k.contype <> 'n'"""
_INDEXES = """
SELECT 'index ' || x.relname, pg_get_indexdef(i.indexrelid, 0, true) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = %(schema)s::regnamespace"""
_TABLE_COLUMNS = """
SELECT c.relname, json_object_agg(a.attname, json_build_array(t.typname, a.attidentity::text)) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname"""
_STRUCTURE = (_TABLES, _OTHERS, _COLUMNS, _SEQUENCES, _CONSTRAINTS, _INDEXES)
_VOLATILE = {"uuid", "timestamptz"}
_HISTORY = "django_migrations"  # numbered in the order of the runs, so only its names count

Objects = dict[str, str]


def schema_objects(connection: "psycopg.Connection[Any]", schema: str, *, with_rows: bool = False) -> Objects:
    """Every object of the schema by its name, with its definition; with the rows and the sequences' positions where asked for."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL search_path = {}, extensions").format(sql.Identifier(schema)))
        found: Objects = {}
        for query in _STRUCTURE:
            found.update({name: _normal(text) for name, text in cursor.execute(query, {"schema": schema}).fetchall()})
        found.update({f"migration {app}.{name}": "applied" for app, name in _history(cursor)})
        if with_rows:
            for table, columns in cursor.execute(_TABLE_COLUMNS, {"schema": schema}).fetchall():
                found.update(_rows(cursor, table, columns) if table != _HISTORY else {})
    return found


def differences(found: Objects, wanted: Objects) -> list[str]:
    """One line for each object that is missing, left over or different, in the order of their names."""
    lines = []
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found:
            lines.append(f"{name} is missing")
        elif name not in wanted:
            lines.append(f"{name} is left over")
        elif found[name] != wanted[name]:
            lines.append(f"{name} is {found[name]} instead of {wanted[name]}")
    return lines


def _normal(text: str) -> str:
    return re.sub(r"::(character varying|text)(\[\])?|[()]", "", text or "")


def _history(cursor: Any) -> list[tuple[str, str]]:  # Any: a cursor
    if cursor.execute("SELECT to_regclass(%s)", [_HISTORY]).fetchone()[0] is None:
        return []
    rows: list[tuple[str, str]] = cursor.execute(f"SELECT app, name FROM {_HISTORY}").fetchall()  # noqa: S608 (a constant)
    return rows


def _rows(cursor: Any, table: str, columns: dict[str, list[str]]) -> Objects:  # Any: a cursor
    """Each row as JSON under its own text, so that a difference names the row; and where the identity column stands."""
    name, found = sql.Identifier(table), {}
    for (row,) in cursor.execute(sql.SQL("SELECT to_jsonb(t) FROM {} t").format(name)).fetchall():
        kept = {column: "some" if value is not None and columns[column][0] in _VOLATILE else value for column, value in row.items()}
        found[f"row of {table} {json.dumps(kept, sort_keys=True)}"] = "there"
    for column in (column for column, (_type, identity) in columns.items() if identity):
        sequence = cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [name.as_string(cursor), column]).fetchone()[0]
        position = cursor.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.SQL(sequence))).fetchone()
        found[f"position of {table}.{column}"] = f"{position[0]} {position[1]}"
    return found

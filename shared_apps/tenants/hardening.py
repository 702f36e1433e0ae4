"""The rights a database takes away from everybody, and whether it has done so.

PostgreSQL lets every role call functions that run a text as SQL, change a setting in the middle of a query or hold locks
of the whole database. A tenant's role needs none of them; with them a single injected SELECT can become another role.
The functions belong to the superuser, so a server that gives us none may refuse: each line says what it found.
"""

import contextlib
import dataclasses
from collections.abc import Iterable
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One right that PUBLIC loses. `pattern` matches functions of pg_catalog by `name(argument types)`; otherwise `revoke` says it."""

    key: str
    why: str
    pattern: str = ""
    revoke: LiteralString = ""
    is_held: LiteralString = ""


LINES: Final = (
    Line("set_config", "changes role and path in the middle of a query", pattern=r"^set_config\("),
    Line(
        "pg_settings",
        "an UPDATE of it is set_config",
        revoke="REVOKE UPDATE ON pg_catalog.pg_settings FROM PUBLIC",
        is_held="has_table_privilege({role}, 'pg_catalog.pg_settings', 'UPDATE')",
    ),
    Line(
        "plpgsql",
        "a DO block is a program of many statements",
        revoke="REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
        is_held="has_language_privilege({role}, 'plpgsql', 'USAGE')",
    ),
    Line("query_to_xml", "runs a text as SQL", pattern=r"^(query|cursor|table|schema|database)_to_xml"),
    Line("ts_stat", "runs a text as SQL", pattern=r"^(ts_stat\(|ts_rewrite\(tsquery, text\))"),
    Line("advisory locks", "one tenant's session lock blocks all others", pattern=r"^pg_(try_)?advisory_(lock|unlock)"),
    Line("large objects", "stored outside of every schema", pattern=r"^(lo_|loread\(|lowrite\()"),
)
_SIGNATURES: LiteralString = """
SELECT oid::regprocedure::text FROM pg_catalog.pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname || '(' || pg_get_function_arguments(oid) || ')' ~ {pattern} ORDER BY 1"""
_ANY_HELD: LiteralString = """
(SELECT coalesce(bool_or(has_function_privilege({role}, oid, 'EXECUTE')), false) FROM pg_catalog.pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname || '(' || pg_get_function_arguments(oid) || ')' ~ {pattern})"""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Whether the role asked about has lost the right of one line."""

    line: Line
    is_applied: bool


def harden(connection: "psycopg.Connection[Any]", *, keep_for: Iterable[str]) -> None:
    """Revokes every line from PUBLIC, and leaves it to the log-ins named. What the server refuses is left as it was.

    Must be the superuser to have an effect; repeating it changes nothing.
    """
    for line in LINES:
        for statement in _statements(connection, line, keep_for):
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                break


def allow_measuring(connection: "psycopg.Connection[Any]", *, login: str) -> None:
    """Lets the runtime log-in, and no tenant's role, read how much memory its own backend holds, where the server allows that."""
    who = sql.Identifier(login)
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL("GRANT EXECUTE ON FUNCTION pg_catalog.pg_get_backend_memory_contexts() TO {}").format(who))
        connection.execute(sql.SQL("GRANT SELECT ON pg_catalog.pg_backend_memory_contexts TO {}").format(who))


def may_measure(connection: "psycopg.Connection[Any]", *, login: str) -> bool:
    """Whether the log-in may read its own backend's memory."""
    query = """SELECT has_table_privilege(%(login)s, 'pg_catalog.pg_backend_memory_contexts', 'SELECT')
        AND has_function_privilege(%(login)s, 'pg_catalog.pg_get_backend_memory_contexts()', 'EXECUTE')"""
    row = connection.execute(query, {"login": login}).fetchone()
    return bool(row and row[0])


def findings(connection: "psycopg.Connection[Any]", *, role: str = "public") -> list[Finding]:
    """The state of every line for a role, in one query; `public` stands for everybody."""
    checks = sql.SQL(", ").join(_is_held(line, role) for line in LINES)
    row = connection.execute(sql.SQL("SELECT {}").format(checks)).fetchone() or ()
    return [Finding(line, is_applied=not held) for line, held in zip(LINES, row, strict=True)]


def findings_query() -> str:
    """The same question for the role that runs it, as text for Django's cursor: one boolean a line, true where the right is held."""
    checks = sql.SQL(", ").join(_is_held(line, "") for line in LINES)
    return sql.SQL("SELECT {}").format(checks).as_string()


def _is_held(line: Line, role: str) -> sql.Composable:
    who = sql.Literal(role) if role else sql.SQL("current_user")
    if not line.pattern:
        return sql.SQL(line.is_held).format(role=who)
    return sql.SQL(_ANY_HELD).format(role=who, pattern=sql.Literal(line.pattern))


def _statements(connection: "psycopg.Connection[Any]", line: Line, keep_for: Iterable[str]) -> list[sql.Composed]:
    if not line.pattern:
        return [sql.Composed([sql.SQL(line.revoke)])]
    query = sql.SQL(_SIGNATURES).format(pattern=sql.Literal(line.pattern))
    functions = [row[0] for row in connection.execute(query).fetchall()]
    signatures = sql.SQL(", ").join(sql.SQL(name) for name in functions)  # regprocedure quotes names itself
    log_ins = sql.SQL(", ").join(sql.Identifier(name) for name in keep_for)
    return [
        sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(signatures),
        sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(signatures, log_ins),
    ]

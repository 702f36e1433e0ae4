"""Copying a schema's rows by COPY: the same bytes and digests on every server, whatever the schema is called."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

BUILT: Final = frozenset({"django_migrations", "django_content_type", "auth_permission"})
"""Come with the schema: the same in every schema of one fingerprint."""
SECRETS: Final = frozenset(
    {
        "accounts_accountmail",
        "accounts_apikey",
        "accounts_usersession",
        "django_session",
        "events_idempotencyrecord",
        "knox_authtoken",
        "mfa_authenticator",
        "sso_attempt",
        "sso_connection",
        "sso_connectiondomain",
        "sso_givenrole",
        "sso_grouprole",
        "sso_identity",
    }
)
"""Credentials, remembered answers and single sign-on: they stay where they were given, so archives and clones have none."""
FILE_COLUMN: Final = "storage_key"
"""A column of this name holds the key of a stored file, which begins with the tenant's id (kernel.storage)."""
BLOCK: Final = 256 * 1024
_KEY_START: Final = len("00000000-0000-0000-0000-000000000000/") + 1
_FORMAT: Final = (
    "SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; "
    "SET bytea_output = 'hex'; SET client_encoding = 'UTF8'"
)
_TABLES: Final = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
       (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum)) FROM pg_index i
          JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey::int2[]) WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' GROUP BY c.oid, c.relname ORDER BY c.relname"""
_COLLATABLE: Final = """
SELECT c.relname, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND a.attcollation <> 0"""
_SEQUENCES: Final = """
SELECT c.relname, a.attname::text, s.relname FROM pg_class s
JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('i', 'a')
JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND s.relnamespace = %s::regnamespace ORDER BY s.relname"""


class NoKey(RuntimeError):
    """A table has no primary key, so its rows have no order that two servers agree on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table of a tenant schema: its columns in order, and its key with what must be collated the same everywhere."""

    name: str
    columns: tuple[str, ...]
    key: tuple[tuple[str, bool], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What proves that two tables hold the same rows."""

    rows: int
    bytes: int
    sha256: str


class Meter:
    """Counts and digests the blocks that pass."""

    def __init__(self) -> None:
        self.rows = self.bytes = 0
        self._digest = hashlib.sha256()

    def through(self, blocks: Iterable[bytes], told: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
        """The same blocks, measured; `told` hears the number of rows so far."""
        for block in blocks:
            self.rows += block.count(b"\n")  # COPY escapes line ends inside of values
            self.bytes += len(block)
            self._digest.update(block)
            told(self.rows)
            yield block

    def facts(self) -> Facts:
        """What has passed."""
        return Facts(self.rows, self.bytes, self._digest.hexdigest())


def fix_format(connection: "psycopg.Connection[Any]") -> None:
    """Makes COPY write the same text for the same value on every server."""
    connection.execute(_FORMAT)


def tables_of(connection: "psycopg.Connection[Any]", schema: str, *, without: frozenset[str] = frozenset()) -> list[Table]:
    """The tables whose rows are copied, by name. Raises NoKey."""
    collatable = set(connection.execute(_COLLATABLE, [schema]).fetchall())
    found = []
    for name, columns, key in connection.execute(_TABLES, [schema]).fetchall():
        if name in BUILT or name in without:
            continue
        if not key:
            raise NoKey(name)
        found.append(Table(name, tuple(columns), tuple((column, (name, column) in collatable) for column in key)))
    return found


def dump(connection: "psycopg.Connection[Any]", schema: str, table: Table, *, tenant_id: str = "") -> Iterator[bytes]:
    """The rows as COPY text, in key order. With `tenant_id` stored-file keys lose that prefix."""
    gathered = bytearray()
    with connection.cursor() as cursor, cursor.copy(_copy_out(schema, table, tenant_id)) as copy:
        for line in copy:  # the server sends line by line
            gathered += line
            if len(gathered) >= BLOCK:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)


def load(connection: "psycopg.Connection[Any]", schema: str, table: Table, blocks: Iterable[bytes]) -> None:
    """Adds rows from COPY text."""
    statement = sql.SQL("COPY {}.{} ({}) FROM STDIN").format(
        sql.Identifier(schema), sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in blocks:
            copy.write(block)


def measure(connection: "psycopg.Connection[Any]", schema: str, table: Table, *, tenant_id: str = "") -> Facts:
    """Reads the table and says what it holds."""
    meter = Meter()
    for _ in meter.through(dump(connection, schema, table, tenant_id=tenant_id)):
        pass
    return meter.facts()


def measure_all(connection: "psycopg.Connection[Any]", schema: str, *, tenant_id: str = "") -> dict[str, Facts]:
    """The facts of every table of a schema, but those that come with it."""
    fix_format(connection)
    return {table.name: measure(connection, schema, table, tenant_id=tenant_id) for table in tables_of(connection, schema)}


def empty(connection: "psycopg.Connection[Any]", schema: str, tables: Iterable[str]) -> None:
    """Removes the seed rows of these tables, which the copied rows repeat."""
    names = [sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(name)) for name in tables]
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))


def own_files(connection: "psycopg.Connection[Any]", schema: str, table: Table, tenant_id: str) -> None:
    """Puts the tenant's id in front of keys that were carried without one."""
    if FILE_COLUMN in table.columns:
        connection.execute(
            sql.SQL("UPDATE {}.{} SET {column} = {tenant} || '/' || {column}").format(
                sql.Identifier(schema), sql.Identifier(table.name), column=sql.Identifier(FILE_COLUMN), tenant=sql.Literal(tenant_id)
            )
        )


def file_keys(connection: "psycopg.Connection[Any]", schema: str, table: Table, tenant_id: str) -> Iterator[str]:
    """The keys of stored files that the table names, without the tenant's id, each once."""
    if FILE_COLUMN not in table.columns:
        return
    query = sql.SQL("SELECT DISTINCT substr({column}, {start}) FROM {}.{} WHERE starts_with({column}, {prefix}) ORDER BY 1").format(
        sql.Identifier(schema),
        sql.Identifier(table.name),
        column=sql.Identifier(FILE_COLUMN),
        start=sql.Literal(_KEY_START),
        prefix=sql.Literal(f"{tenant_id}/"),
    )
    with connection.cursor(name=f"files_of_{table.name}") as cursor:  # there may be millions
        cursor.execute(query)
        for (key,) in cursor:
            yield str(key)


def sequences_of(connection: "psycopg.Connection[Any]", schema: str) -> dict[str, int]:
    """`{"table.column": last value}` of the identity columns; 0 where none was given out yet."""
    found = {}
    for table, column, sequence in connection.execute(_SEQUENCES, [schema]).fetchall():
        name = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(sequence))
        row = connection.execute(sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(name)).fetchone()
        found[f"{table}.{column}"] = int(row[0]) if row else 0
    return found


def advance_sequences(connection: "psycopg.Connection[Any]", schema: str, wanted: dict[str, int]) -> None:
    """Lets no identity column give out a number again: behind the original's last one and the highest there is."""
    for table, column, sequence in connection.execute(_SEQUENCES, [schema]).fetchall():
        name = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(sequence))
        connection.execute(
            sql.SQL(
                "SELECT setval({sequence}::regclass, last, true) FROM (SELECT greatest({given}, max({column})) AS last FROM {}.{}) AS found"
                " WHERE last > 0"
            ).format(
                sql.Identifier(schema),
                sql.Identifier(table),
                sequence=sql.Literal(name.as_string(connection)),
                given=sql.Literal(wanted.get(f"{table}.{column}", 0)),
                column=sql.Identifier(column),
            )
        )


def count_rows(connection: "psycopg.Connection[Any]", schema: str, tables: Iterable[Table]) -> int:
    """How many rows there are in all, for progress bars."""
    total = 0
    for table in tables:
        query = sql.SQL("SELECT count(*) FROM {}.{}").format(sql.Identifier(schema), sql.Identifier(table.name))
        row = connection.execute(query).fetchone()
        total += int(row[0]) if row else 0
    return total


def _copy_out(schema: str, table: Table, tenant_id: str) -> sql.Composed:
    columns = [_exported(column, tenant_id) for column in table.columns]
    # Text keys are compared byte by byte, since servers may collate differently.
    order = [sql.SQL('{} COLLATE "C"' if is_text else "{}").format(sql.Identifier(column)) for column, is_text in table.key]
    return sql.SQL("COPY (SELECT {} FROM {}.{} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(columns), sql.Identifier(schema), sql.Identifier(table.name), sql.SQL(", ").join(order)
    )


def _exported(column: str, tenant_id: str) -> sql.Composable:
    name = sql.Identifier(column)
    if column != FILE_COLUMN or not tenant_id:
        return name
    return sql.SQL("CASE WHEN starts_with({0}, {1}) THEN substr({0}, {2}) ELSE {0} END").format(
        name, sql.Literal(f"{tenant_id}/"), sql.Literal(_KEY_START)
    )

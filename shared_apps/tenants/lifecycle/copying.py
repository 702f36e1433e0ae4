"""The steps that make a new schema of rows from elsewhere; shared by import, clone and move."""

from collections.abc import Iterable

import psycopg
from kernel.db.owner import owner_connection

from shared_apps.tenants import schemas
from shared_apps.tenants.errors import CopyDiffers
from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.lifecycle.journal import Run, counting
from shared_apps.tenants.lifecycle.sources import Source
from shared_apps.tenants.lifecycle.tables import Facts, Meter, Table


def build(run: Run) -> None:
    """A fresh schema and role under the name that the operation has noted, on the cluster it has noted."""
    target = run.data["target"]
    with owner_connection(target["cluster"]) as connection:
        schemas.drop_schema(connection, target["schema"])
        schemas.build_schema(connection, target["schema"], target["cluster"])


def drop_built(run: Run) -> None:
    """Removes what `build` made, or the half of it."""
    drop(run.data["target"]["cluster"], run.data["target"]["schema"])


def drop(cluster: str, schema: str) -> None:
    """Removes a schema and its role, waiting not forever for those who use it."""
    with owner_connection(cluster) as connection:
        connection.execute("SET lock_timeout = '20s'")
        schemas.drop_schema(connection, schema)


def load_all(run: Run, source: Source, *, without: frozenset[str], owned_by: str = "") -> dict[str, Facts]:
    """Copies all tables in one transaction and compares both sides, row by row. Returns what each table holds.

    `owned_by` is the tenant's id that file keys get in front when they came without one. Raises CopyDiffers, and nothing was copied
    then.
    """
    target = run.data["target"]
    copied: dict[str, Facts] = {}
    total, before = source.row_count(), 0
    with owner_connection(target["cluster"]) as connection:
        tables.fix_format(connection)
        with connection.transaction():
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            here = {table.name: table for table in tables.tables_of(connection, target["schema"])}
            wanted = _matched(here, source.tables(), without)
            tables.empty(connection, target["schema"], here)
            for table, original in wanted:
                meter = Meter()
                rows = meter.through(source.rows(original), counting(run.reporter, "load.rows", before, total))
                copied[table.name] = _copy(connection, target["schema"], table, rows, meter, source.expected(original))
                before += copied[table.name].rows
            _compare(connection, target["schema"], [table for table, _ in wanted], copied)
            for table, _ in wanted:
                if owned_by:
                    tables.own_files(connection, target["schema"], table, owned_by)
            tables.advance_sequences(connection, target["schema"], source.sequences())
            _check_keys(connection)
    run.reporter.reached("load.committed")
    return copied


def _matched(here: dict[str, Table], theirs: list[Table], without: frozenset[str]) -> list[tuple[Table, Table]]:
    """The pairs of tables. Raises CopyDiffers where the two schemas are not the same."""
    if {table.name for table in theirs} != set(here) - without:
        raise CopyDiffers("The tables of the original are not those of this version")
    for table in theirs:
        if table.columns != here[table.name].columns:
            raise CopyDiffers(f"The table {table.name} has other columns here")
    return [(here[table.name], table) for table in theirs]


def _copy(
    connection: "psycopg.Connection[object]", schema: str, table: Table, rows: Iterable[bytes], meter: Meter, expected: Facts | None
) -> Facts:
    try:
        tables.load(connection, schema, table, rows)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise CopyDiffers(f"The rows of {table.name} are not rows of this table") from error
    if expected is not None and expected != meter.facts():
        raise CopyDiffers(f"The rows of {table.name} are not those that were written")
    return meter.facts()


def _compare(connection: "psycopg.Connection[object]", schema: str, found: list[Table], copied: dict[str, Facts]) -> None:
    for table in found:
        if tables.measure(connection, schema, table) != copied[table.name]:
            raise CopyDiffers(f"The rows of {table.name} differ from the original")


def _check_keys(connection: "psycopg.Connection[object]") -> None:
    """A key that leads nowhere is found here and not at the commit."""
    try:
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.IntegrityError as error:
        raise CopyDiffers("The rows of the tables do not belong together") from error

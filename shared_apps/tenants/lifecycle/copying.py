"""The steps that make a new schema of rows from elsewhere; shared by import, clone and move."""

import psycopg
from kernel.db.owner import owner_connection

from shared_apps.tenants import schemas
from shared_apps.tenants.errors import CopyDiffers
from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.lifecycle.journal import Run
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


def load_all(run: Run, source: Source, *, tenant_id: str, without: frozenset[str], owned_by: str) -> dict[str, Facts]:
    """Copies all tables in one transaction and compares both sides, row by row. Returns what each table holds.

    `tenant_id` is what both sides leave out of file keys while comparing; `owned_by`, if given, is put in front of them at the end.
    Raises CopyDiffers, and nothing was copied then.
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
                copied[table.name] = _copy(connection, target["schema"], table, source, original)
                before += copied[table.name].rows
                run.reporter.reached("load.rows", before, total)
            _compare(connection, target["schema"], [table for table, _ in wanted], copied, tenant_id)
            for table, _ in wanted:
                if owned_by:
                    tables.own_files(connection, target["schema"], table, owned_by)
            tables.advance_sequences(connection, target["schema"], source.sequences())
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a key that leads nowhere is an error here, not at the commit
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


def _copy(connection: "psycopg.Connection[object]", schema: str, table: Table, source: Source, original: Table) -> Facts:
    meter = Meter()
    tables.load(connection, schema, table, meter.through(source.rows(original)))
    expected = source.expected(original)
    if expected is not None and expected != meter.facts():
        raise CopyDiffers(f"The rows of {table.name} are not those that were written")
    return meter.facts()


def _compare(connection: "psycopg.Connection[object]", schema: str, found: list[Table], copied: dict[str, Facts], tenant_id: str) -> None:
    for table in found:
        if tables.measure(connection, schema, table, tenant_id=tenant_id) != copied[table.name]:
            raise CopyDiffers(f"The rows of {table.name} differ from the original")

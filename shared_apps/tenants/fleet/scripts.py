"""The script that takes a schema from one fingerprint to the current one: derived once, verified, stored, replayed for every tenant.

The missing migrations run for real on a scratch schema built from the artefact of the old fingerprint, and what they did is written
down. The script is then replayed on a second scratch schema, which must equal the artefact of the new fingerprint object by object:
a script that would lead a tenant anywhere else is never stored.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import RenameModel
from kernel import tenancy
from kernel.db.owner import as_owner, owner_connection
from kernel.db.routing import connection_in_scope
from psycopg import sql

from shared_apps.tenants import artefact
from shared_apps.tenants.fingerprint import tenant_fingerprint, tenant_labels
from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.fleet.oracle import differences, schema_objects
from shared_apps.tenants.fleet.pins import pin_statements
from shared_apps.tenants.fleet.recording import NotDerivable, Recorder, refusals, without_concurrently
from shared_apps.tenants.models import Artefact, FleetScript

_REFERENCES = """
SELECT c.relname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
WHERE k.connamespace = %s::regnamespace AND k.contype = %s"""
_NOTE = "INSERT INTO django_migrations "  # a script of notes alone changes nothing that code could see
_SHOWN = 8


def ensure_script(source: str) -> FleetScript:
    """The stored script from `source` to the current fingerprint, derived now where there is none. Raises NotDerivable.

    Deriving makes Django's connection the owner's for a while: for commands only.
    """
    target = tenant_fingerprint()
    with tenancy.public_scope():
        stored = FleetScript.objects.filter(source=source, target=target).first()
    if stored is not None:
        return stored
    statements, after_statements = derive(source)
    with tenancy.public_scope():
        script, _ = FleetScript.objects.get_or_create(
            source=source, target=target, defaults={"statements": statements, "after_statements": after_statements}
        )
        if not after_statements and all(statement.startswith(_NOTE) for statement in statements):
            compatibility.allow(code=target, schema=source)
    return script


def derive(source: str) -> tuple[list[str], list[str]]:
    """The verified statements of a step: those of the tenant's transaction, and those behind it. Raises NotDerivable."""
    old, new = _statements_of(source), _statements_of(tenant_fingerprint())
    name = f"scratch_{source[:12]}"
    with (
        owner_connection() as connection,
        _scratch(connection, f"{name}_recorded", old) as recorded,
        _scratch(connection, f"{name}_wanted", new) as wanted,
    ):
        recorder, has_renames = _record(connection, recorded)
        with _scratch(connection, f"{name}_replayed", old) as replayed:
            pins = pin_statements(connection, replayed, wanted)
            if has_renames and any(statement.startswith("DELETE") for statement in pins):
                raise NotDerivable("A renamed model keeps its pinned ids: rename its keys in pinned_ids.json instead of adding new ones")
            statements = recorder.statements + pins + _history(connection, replayed, wanted)
            _verify(connection, replayed, wanted, [*statements, *map(without_concurrently, recorder.after_statements)])
    return statements, recorder.after_statements


def _statements_of(fingerprint: str) -> str:
    with tenancy.public_scope():
        found = Artefact.objects.filter(fingerprint=fingerprint).values_list("statements", flat=True).first()
    if found is None:
        raise NotDerivable(f"No artefact of the version {fingerprint[:12]} is kept here, so nothing is known of its schemas")
    return found


@contextlib.contextmanager
def _scratch(connection: "psycopg.Connection[Any]", name: str, statements: str) -> Iterator[str]:
    """A schema built from an artefact, gone afterwards; one that a killed run left behind goes first."""
    drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
    connection.execute(drop)
    try:
        artefact.replay(connection, name, statements)
        yield name
    finally:
        connection.execute(drop)


def _record(connection: "psycopg.Connection[Any]", schema: str) -> tuple[Recorder, bool]:
    """Runs the missing migrations on the schema and writes down what they do, and whether they rename a model."""
    recorder = Recorder(_columns(connection, schema, "f"), _columns(connection, schema, "p"))
    with as_owner(), tenancy.schema_scope(schema):
        executor = MigrationExecutor(connection_in_scope())
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        refused = [line for migration, _ in plan if migration.app_label in tenant_labels() for line in refusals(migration)]
        if refused:
            raise NotDerivable("; ".join(refused))
        with connection_in_scope().execute_wrapper(recorder):
            executor.migrate(executor.loader.graph.leaf_nodes(), plan)
    return recorder, any(isinstance(operation, RenameModel) for migration, _ in plan for operation in migration.operations)


def _columns(connection: "psycopg.Connection[Any]", schema: str, kind: str) -> set[tuple[str, str]]:
    return {(row[0], row[1]) for row in connection.execute(_REFERENCES, [schema, kind]).fetchall()}


def _history(connection: "psycopg.Connection[Any]", schema: str, wanted: str) -> list[str]:
    """Django's own notes of what was applied, so that it agrees with the fleet afterwards."""
    found = {name: set(_applied(connection, name)) for name in (schema, wanted)}
    statements = []
    for app, name in sorted(found[wanted] - found[schema]):
        values = sql.SQL(", ").join([sql.Literal(app), sql.Literal(name)]).as_string(connection)
        pair = sql.SQL("app = {} AND name = {}").format(sql.Literal(app), sql.Literal(name)).as_string(connection)
        statements.append(
            f"{_NOTE}(app, name, applied) SELECT {values}, now() "  # noqa: S608 (quoted literals)
            f"WHERE NOT EXISTS (SELECT 1 FROM django_migrations WHERE {pair})"
        )
    return statements


def _applied(connection: "psycopg.Connection[Any]", schema: str) -> list[tuple[str, str]]:
    return connection.execute(sql.SQL("SELECT app, name FROM {}.django_migrations").format(sql.Identifier(schema))).fetchall()


def _verify(connection: "psycopg.Connection[Any]", schema: str, wanted: str, statements: list[str]) -> None:
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path = {}, extensions").format(sql.Identifier(schema)))
        for statement in statements:
            connection.execute(statement)
    found = [schema_objects(connection, name, with_rows=True) for name in (schema, wanted)]
    wrong = differences(*found)
    if wrong:
        rest = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise NotDerivable(f"The script does not lead to the new version: {'; '.join(wrong[:_SHOWN])}{rest}")

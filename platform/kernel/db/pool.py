"""What happens to a connection that returns to the pool."""

import dataclasses
import weakref
from typing import Any

import psycopg
from django.conf import settings

MEASURE_EVERY = 25  # newly visited schemas; one takes 0.8 MB at most

_MEMORY = "SELECT sum(total_bytes)::bigint FROM pg_catalog.pg_backend_memory_contexts"


@dataclasses.dataclass(slots=True)
class _Visits:
    """Where a connection has been, how many schemas that were when its backend was measured, and whether the server tells."""

    schemas: set[str] = dataclasses.field(default_factory=set)
    measured_at: int = 0
    is_measurable: bool = True


_visits: "weakref.WeakKeyDictionary[psycopg.Connection[Any], _Visits]" = weakref.WeakKeyDictionary()


def note_visit(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Remembers that the connection has been in the schema: its backend keeps the catalogue rows of every one until it ends."""
    _visits.setdefault(connection, _Visits()).schemas.add(schema)


def reset_pooled_connection(connection: "psycopg.Connection[Any]") -> None:
    """Leaves a connection that returns to the pool without role and path, so that a stray user of it reaches nothing.

    One whose backend has grown to ATENDE_DB_CONNECTION_MEMORY_MB is let go instead of kept, which is the only way to free that memory.
    Where the server does not tell how much it holds, it is let go after ATENDE_DB_SCHEMAS_PER_CONNECTION schemas. The pool calls this
    in a thread of its own: no request waits for it.
    """
    connection.autocommit = True
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute("RESET ROLE; SET search_path = ''")
    if _is_used_up(connection, _visits.setdefault(connection, _Visits())):
        # The pool asks for this when it takes a connection back (psycopg_pool 3.3); closing it here would count as a fault and be logged.
        connection._expire_at = 0.0


def _is_used_up(connection: "psycopg.Connection[Any]", visits: _Visits) -> bool:
    if visits.is_measurable:
        if len(visits.schemas) < visits.measured_at + MEASURE_EVERY:
            return False
        visits.measured_at = len(visits.schemas)
        try:
            row = connection.execute(_MEMORY).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            visits.is_measurable = False
        else:
            return row is not None and row[0] >= settings.ATENDE_DB_CONNECTION_MEMORY_MB * 2**20
    return len(visits.schemas) >= settings.ATENDE_DB_SCHEMAS_PER_CONNECTION

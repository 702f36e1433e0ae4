"""What happens to a connection that returns to the pool."""

import weakref
from typing import Any

import psycopg
from django.conf import settings

_visited: "weakref.WeakKeyDictionary[psycopg.Connection[Any], set[str]]" = weakref.WeakKeyDictionary()


def note_visit(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Remembers that the connection has been in the schema: its backend keeps the catalogue rows of every one until it ends."""
    _visited.setdefault(connection, set()).add(schema)


def reset_pooled_connection(connection: "psycopg.Connection[Any]") -> None:
    """Leaves a connection that returns to the pool without role and path, so that a stray user of it reaches nothing.

    One that has been in ATENDE_DB_SCHEMAS_PER_CONNECTION schemas is let go instead of kept, which is the only way to free its memory.
    """
    connection.autocommit = True
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute("RESET ROLE; SET search_path = ''")
    if len(_visited.get(connection, ())) >= settings.ATENDE_DB_SCHEMAS_PER_CONNECTION:
        # The pool asks for this when it takes a connection back (psycopg_pool 3.3); closing it here would count as a fault and be logged.
        connection._expire_at = 0.0

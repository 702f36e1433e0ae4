"""What happens to a connection that returns to the pool."""

from typing import Any

import psycopg


def reset_pooled_connection(connection: "psycopg.Connection[Any]") -> None:
    """Leaves a connection that returns to the pool without role and path, so that a stray user of it reaches nothing."""
    connection.autocommit = True
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute("RESET ROLE; SET search_path = ''")

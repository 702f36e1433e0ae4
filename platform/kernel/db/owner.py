"""The owner's login: the only one that may create schemas, roles and tables. Used by migrations and provisioning."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections


@contextlib.contextmanager
def owner_connection() -> Iterator["psycopg.Connection[Any]"]:
    """A throw-away connection as the owner, in autocommit mode, speaking the simple protocol (DDL batches)."""
    _require()
    config = settings.DATABASE_OWNER
    parameters = {
        "host": config["HOST"],
        "port": config["PORT"] or None,
        "user": config["USER"],
        "password": config["PASSWORD"],
        "dbname": connections.databases["default"]["NAME"],
    }
    with psycopg.connect(**parameters, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        yield connection


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """Makes Django's own connection the owner's for a while: for `migrate` in a command, never in a serving process."""
    _require()
    runtime = connections.databases["default"]
    connections["default"].close()
    close_pool(connections["default"])
    connections.databases["default"] = {**runtime, **settings.DATABASE_OWNER, "NAME": runtime["NAME"]}
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections.databases["default"] = runtime
        del connections["default"]


def close_pool(connection: Any) -> None:  # Any: the wrapper; the base class knows no pool
    """Ends the idle connections of the pool, so that a database can be dropped or another login can take over."""
    connection.close_pool()


def runtime_login() -> str:
    """The name of the login that serves requests."""
    return str(settings.DATABASES["default"]["USER"])


def _require() -> None:
    if not settings.DATABASE_OWNER_URL:
        raise ImproperlyConfigured("This needs DATABASE_OWNER_URL, the login that owns the database")

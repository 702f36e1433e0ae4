"""The owner's login: the only one that may create schemas, roles and tables. Used by migrations and provisioning."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from kernel.db.routing import checked_cluster
from kernel.tenancy import DEFAULT_CLUSTER


@contextlib.contextmanager
def owner_connection(cluster: str = DEFAULT_CLUSTER) -> Iterator["psycopg.Connection[Any]"]:
    """A throw-away connection as the owner of a cluster's database, in autocommit mode, speaking the simple protocol (DDL batches)."""
    config = _owner_of(cluster)
    parameters = {
        "host": config["HOST"],
        "port": config["PORT"] or None,
        "user": config["USER"],
        "password": config["PASSWORD"],
        "dbname": connections.databases[checked_cluster(cluster)]["NAME"],
    }
    with psycopg.connect(**parameters, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        yield connection


@contextlib.contextmanager
def as_owner(cluster: str = DEFAULT_CLUSTER) -> Iterator[None]:
    """Makes Django's own connection the owner's for a while: for `migrate` in a command, never in a serving process."""
    alias, owner = checked_cluster(cluster), _owner_of(cluster)
    runtime = connections.databases[alias]
    connections[alias].close()
    close_pool(connections[alias])
    connections.databases[alias] = {**runtime, **owner, "NAME": runtime["NAME"]}
    del connections[alias]
    try:
        yield
    finally:
        connections[alias].close()
        connections.databases[alias] = runtime
        del connections[alias]


def close_pool(connection: Any) -> None:  # Any: the wrapper; the base class knows no pool
    """Ends the idle connections of the pool, so that a database can be dropped or another login can take over."""
    connection.close_pool()


def runtime_login(cluster: str = DEFAULT_CLUSTER) -> str:
    """The name of the login that serves requests."""
    return str(settings.DATABASES[checked_cluster(cluster)]["USER"])


def _owner_of(cluster: str) -> dict[str, Any]:  # Any: Django's settings dict
    """The connection settings of the cluster's owner. Raises ImproperlyConfigured, UnknownCluster."""
    owner: dict[str, Any] | None = settings.DATABASE_OWNERS.get(checked_cluster(cluster))
    if owner is None:
        raise ImproperlyConfigured(f"This needs the URL of the login that owns the database of the cluster {cluster}")
    return owner

"""The workers of a run: each claims a tenant's row, brings its schema to the version, writes down what came of it, and takes the next.

A worker has connections of its own as the owner, and throws them away after some tenants, since a backend keeps memory for each schema
that it has visited. Nothing here is Django's: no connection of a serving process is involved.
"""

import contextlib
import dataclasses
import json
import threading
from typing import Any

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from kernel.db.owner import owner_connection
from kernel.db.routing import UnknownCluster

from shared_apps.tenants.fleet.applying import StatementFailed, apply_after, apply_step, version_of
from shared_apps.tenants.fleet.recording import NotDerivable

TENANTS_PER_CONNECTION = 200
_TRANSIENT = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_CLAIM = """
SELECT s.tenant_id, t.slug, t.schema_name, t.cluster, t.fingerprint, s.attempts, s.after_statements
FROM tenants_fleetstep s JOIN tenants_tenant t ON t.id = s.tenant_id
WHERE s.state IN ('waiting', 'after') AND t.state NOT IN ('moving', 'deleting') AND s.wave = %(wave)s AND s.target = %(target)s
  AND (%(cluster)s = '' OR t.cluster = %(cluster)s) AND (%(tenant)s::bigint IS NULL OR t.id = %(tenant)s)
ORDER BY s.attempts, s.tenant_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED"""
_MOVED = "UPDATE tenants_tenant SET fingerprint = %s, updated_at = now() WHERE id = %s"
_STEP = """
UPDATE tenants_fleetstep SET state = %s, attempts = %s, error = %s, after_statements = %s, changed_at = now() WHERE tenant_id = %s"""
_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Orders:
    """What all workers of a run share."""

    target: str
    cluster: str = ""
    tenant_id: int | None = None
    lock_timeout: str = "2s"
    attempts: int = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A tenant's row, held by this worker."""

    tenant_id: int
    slug: str
    schema: str
    cluster: str
    fingerprint: str
    attempts: int
    after_statements: list[str]


class Worker:
    """One thread's work in one wave. `stop` ends it between two tenants."""

    def __init__(self, orders: Orders, stop: threading.Event) -> None:
        self.orders, self.stop = orders, stop
        self._connections = contextlib.ExitStack()
        self._by_cluster: dict[str, psycopg.Connection[Any]] = {}

    def work(self, wave: int) -> None:
        """Until nothing of the wave is left to claim."""
        while not self.stop.is_set():
            with owner_connection() as registry, self._connections:
                for _ in range(TENANTS_PER_CONNECTION):
                    if self.stop.is_set() or not self._one(registry, wave):
                        return
            self._by_cluster.clear()

    def _one(self, registry: "psycopg.Connection[Any]", wave: int) -> bool:
        """Claims and handles one tenant. The claim is held until the outcome is committed; false where there is nothing to claim."""
        with registry.transaction():
            registry.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            orders = self.orders
            values = {"wave": wave, "target": orders.target, "cluster": orders.cluster, "tenant": orders.tenant_id}
            row = registry.execute(_CLAIM, values).fetchone()
            if row is None:
                return False
            claim = Claim(*row)
            try:
                after = self._migrate(registry, claim)
            except (psycopg.Error, StatementFailed, NotDerivable, UnknownCluster, ImproperlyConfigured) as error:
                self._note_failure(registry, claim, error)
            else:
                registry.execute(_MOVED, [orders.target, claim.tenant_id])
                registry.execute(_STEP, ["after" if after else "done", claim.attempts, "", json.dumps(after), claim.tenant_id])
            return True

    def _migrate(self, registry: "psycopg.Connection[Any]", claim: Claim) -> list[str]:
        """Brings the schema to the version. Returns what is to be done behind the commit, in a claim of its own."""
        connection = self._connection(claim.cluster)
        if claim.after_statements:
            apply_after(connection, claim.schema, claim.after_statements)
        version = version_of(connection, claim.schema) or claim.fingerprint
        if version != claim.fingerprint:  # a run died between the two commits
            apply_after(connection, claim.schema, _after(registry, claim.fingerprint, version))
            registry.execute(_MOVED, [version, claim.tenant_id])
        if version == self.orders.target:
            return []
        statements, after = _script(registry, version, self.orders.target)
        apply_step(connection, claim.schema, self.orders.target, statements, lock_timeout=self.orders.lock_timeout)
        return after

    def _note_failure(self, registry: "psycopg.Connection[Any]", claim: Claim, error: Exception) -> None:
        cause = error.__cause__ if isinstance(error, StatementFailed) else error
        attempts = claim.attempts + 1
        is_transient = isinstance(cause, _TRANSIENT) or (isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None)
        will_repeat = is_transient and attempts < self.orders.attempts
        state = ("after" if claim.after_statements else "waiting") if will_repeat else "failed"
        registry.execute(_STEP, [state, attempts, f"{error}"[:4000], json.dumps(claim.after_statements), claim.tenant_id])
        _log.warning("tenant.migration_failed", tenant=claim.slug, error=type(cause).__name__, attempts=attempts, repeats=will_repeat)
        self._drop_connection_if_broken(claim.cluster)

    def _connection(self, cluster: str) -> "psycopg.Connection[Any]":
        if cluster not in self._by_cluster:
            self._by_cluster[cluster] = self._connections.enter_context(owner_connection(cluster))
        return self._by_cluster[cluster]

    def _drop_connection_if_broken(self, cluster: str) -> None:
        connection = self._by_cluster.get(cluster)
        if connection is not None and connection.closed:
            del self._by_cluster[cluster]


def _script(registry: "psycopg.Connection[Any]", source: str, target: str) -> tuple[list[str], list[str]]:
    """The stored script. Raises NotDerivable where there is none."""
    query = "SELECT statements, after_statements FROM tenants_fleetscript WHERE source = %s AND target = %s"
    row = registry.execute(query, [source, target]).fetchone()
    if row is None:
        raise NotDerivable(f"There is no script from the version {source[:12]}; manage.py migrate_fleet derives it")
    return row[0], row[1]


def _after(registry: "psycopg.Connection[Any]", source: str, target: str) -> list[str]:
    try:
        return _script(registry, source, target)[1]
    except NotDerivable:
        return []

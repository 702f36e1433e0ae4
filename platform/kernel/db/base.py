"""DatabaseWrapper: (role, search_path) follow the scope in one message, and any doubt closes the connection.

Differs from django-tenants' wrapper in three ways that were measured to matter: the tenant is a ContextVar and not an
attribute of a thread's connection; a refused SET raises and closes instead of running the query on the path the
connection had before; each application statement goes by the extended protocol, so a stacked statement is impossible.
"""

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.utils.functional import cached_property
from django_tenants.postgresql_backend import base as django_tenants_base
from psycopg import sql

from kernel import tenancy
from kernel.db.pool import note_visit


class TenantSwitchInTransaction(ImproperlyConfigured):
    """A transaction began in one scope and a statement in another was asked for."""


class WrongCluster(ImproperlyConfigured):
    """A connection was named by hand and is not the one that serves the scope."""


class ExtendedProtocolCursor(psycopg.ClientCursor[Any]):
    """Binds on the client, yet always speaks the extended protocol: one statement per message, enforced by the server.

    `_execute_send` is psycopg's own (3.3); a test proves that a stacked statement is refused.
    """

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:  # Any: psycopg's private type
        super()._execute_send(query, force_extended=True, binary=binary)


class DatabaseWrapper(django_tenants_base.DatabaseWrapper):
    """The wrapper of every alias. `switch_floor` is the number of outer atomic blocks in which a switch is allowed (tests only)."""

    switch_floor = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        self._applied: tenancy.Scope | None = None
        self._bound: str | None = None
        self._applying = False
        super().__init__(*args, **kwargs)

    # django-tenants asks the wrapper for its tenant; the answer always comes from the scope.
    @property
    def schema_name(self) -> str:
        scope = tenancy.current_scope_or_none()
        return scope.schema if scope else "public"

    @schema_name.setter
    def schema_name(self, value: str | None) -> None:
        pass

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:  # Any: django-tenants passes models and fakes
        """django-tenants' own switch changes nothing: only kernel.tenancy enters a tenant."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if not self.settings_dict.get("IS_OWNER"):
            params["cursor_factory"] = ExtendedProtocolCursor
        return params

    @cached_property
    def pg_version(self) -> int:
        """The server's version, read from the hand-shake: Django asks for it while connecting, when no scope may be entered yet."""
        self.ensure_connection()
        return int(self.connection.info.server_version)

    def close(self) -> None:
        self._applied = None
        self._bound = None
        super().close()

    def rollback(self) -> None:
        self._applied = None
        super().rollback()

    def _rollback(self) -> None:
        self._applied = None
        super()._rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self._applied = None
            self._unbind()

    def _handle_search_path(self, cursor: Any = None) -> None:  # Any: the driver's cursor
        if self._applying:
            return
        wanted = tenancy.current_scope()
        if wanted.cluster != self.alias:
            raise WrongCluster(f"The scope lives on the cluster {wanted.cluster}, but {self.alias} was asked")
        self._refuse_switch_in_transaction(wanted)
        if self._applied is not None and self._applied.schema == wanted.schema and self._applied.role == wanted.role:
            return
        self._applying = True
        try:
            with psycopg.ClientCursor(self.connection) as plain:
                plain.execute(self._apply_statement(wanted))
        except psycopg.errors.InFailedSqlTransaction:
            raise
        except Exception:
            self._applied = None
            self._drop_connection()
            raise
        else:
            self._applied = wanted
            note_visit(self.connection, wanted.schema)
        finally:
            self._applying = False

    def _apply_statement(self, scope: tenancy.Scope) -> sql.Composed:
        path = [sql.Identifier(scope.schema), sql.Identifier("extensions")]
        role = sql.SQL("SET ROLE {}").format(sql.Identifier(scope.role)) if scope.role else sql.SQL("RESET ROLE")
        return sql.SQL("{}; SET search_path = {}").format(role, sql.SQL(", ").join(path))

    def _refuse_switch_in_transaction(self, wanted: tenancy.Scope) -> None:
        """Binds a transaction to the first schema it uses; `_bound` is forgotten when the transaction ends. A unit of work binds every
        connection, so that it cannot reach another cluster by the way."""
        unit = tenancy.bound_scope()
        if unit is not None and (unit.cluster, unit.schema) != (wanted.cluster, wanted.schema):
            raise TenantSwitchInTransaction(f"The unit of work belongs to {unit.schema}, not to {wanted.schema}")
        if not self._is_bindable():
            self._bound = None
            return
        if self._bound is None:
            self._bound = wanted.schema
        if self._bound != wanted.schema:
            raise TenantSwitchInTransaction(f"The transaction belongs to {self._bound}, not to {wanted.schema}")

    def _is_bindable(self) -> bool:
        return bool(self.in_atomic_block) and len(self.savepoint_ids) + 1 > self.switch_floor

    def _unbind(self) -> None:
        if not self._is_bindable():
            self._bound = None

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        self._bound = None
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def savepoint_commit(self, sid: str) -> None:
        super().savepoint_commit(sid)
        self._unbind()

    def check_constraints(self, table_names: Any = None) -> None:  # Any: Django's signature
        """Checks what is deferred, like a commit would: the whole transaction, whatever the scope."""
        for mode in ("IMMEDIATE", "DEFERRED"):
            with psycopg.ClientCursor(self.connection) as plain:
                plain.execute(f"SET CONSTRAINTS ALL {mode}")

    def _drop_connection(self) -> None:
        """Closes the driver's connection; inside an atomic block Django then refuses every further statement of it."""
        if self.connection is not None:
            self.connection.close()
        if not self.in_atomic_block:
            self.close()

    def _cursor(self, name: str | None = None) -> Any:  # Any: Django's cursor wrapper
        try:
            return super()._cursor(name=name)
        except psycopg.Error as error:
            raise DatabaseError(str(error)) from error

"""Which connection serves the scope: the tenant's cluster picks the alias, public is on the default one.

Tenant code never names an alias: the ORM asks `ScopeRouter`, and raw statements and transactions take what this module gives.
"""

import contextlib
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from kernel import tenancy


class UnknownCluster(LookupError):
    """The registry names a cluster that this installation has no connection for."""


def alias_in_scope() -> str:
    """The Django alias of the scope's cluster. Raises NoTenantContext, UnknownCluster."""
    return checked_cluster(tenancy.current_scope().cluster)


def checked_cluster(name: str) -> str:
    """The name, if this installation is configured for that cluster. Raises UnknownCluster."""
    if name not in connections.databases:
        raise UnknownCluster(f"No connection is configured for the cluster {name}")
    return name


def clusters() -> list[str]:
    """The names of all configured clusters, the one with the public schema first."""
    return sorted(connections.databases, key=lambda name: (name != tenancy.DEFAULT_CLUSTER, name))


def connection_in_scope() -> Any:  # Any: Django's wrapper, whose type differs by backend
    """Django's connection for raw statements in the scope."""
    return connections[alias_in_scope()]


def transaction_in_scope() -> "contextlib.AbstractContextManager[None]":
    """`transaction.atomic()` on the scope's cluster."""
    return transaction.atomic(using=alias_in_scope())  # noqa: TID251 (the one place)


class ScopeRouter:
    """The project's only router: rows live where the scope says, whatever model they are of."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:  # Any: Django's signature
        return _alias_or_none()

    def db_for_write(self, model: Any, **hints: Any) -> str | None:  # Any: Django's signature
        return _alias_or_none()

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:  # Any: Django's signature
        """The schemas allow no key to leave them, so two rows that meet in one scope belong together."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:  # Any: Django's signature
        """Public gets the shared apps, every other schema the tenant apps."""
        scope = tenancy.current_scope_or_none()
        is_public = scope is None or scope.schema == tenancy.PUBLIC.schema
        wanted = settings.SHARED_APPS if is_public else settings.TENANT_APPS
        return apps.get_app_config(app_label).name in wanted and (not is_public or db == tenancy.DEFAULT_CLUSTER)


def _alias_or_none() -> str | None:
    """None outside of any scope: the default connection then refuses the query itself, naming the missing scope."""
    return alias_in_scope() if tenancy.current_scope_or_none() is not None else None

"""The current tenant: one ContextVar, entered only through the context managers below.

Nothing else may switch tenants. With no scope entered every query raises `NoTenantContext`.
"""

import contextlib
import contextvars
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Final, Protocol

DEFAULT_CLUSTER: Final = "default"  # holds the public schema; the tenants of other clusters have only their own schemas there


class NoTenantContext(RuntimeError):
    """Database, cache or storage was used with no tenant (and not explicitly the public schema) in scope."""


class UnknownTenant(LookupError):
    """No tenant has this id."""


@dataclasses.dataclass(frozen=True, slots=True)
class TenantRef:
    """What the rest of the system needs to know of a tenant: a snapshot, never a database row."""

    id: uuid.UUID
    slug: str
    name: str
    schema: str
    role: str
    state: str
    host: str
    fingerprint: str = ""
    cluster: str = DEFAULT_CLUSTER
    is_outdated: bool = False
    """Its schema is of a version that this code may not serve: nothing of the tenant is read or written until it is migrated."""
    is_outward_paused: bool = False  # nothing may leave it: no delivery, no mail (a clone)

    @property
    def is_active(self) -> bool:
        """Whether its people may work and its intake is processed."""
        return self.state == "active" and not self.is_outdated

    @property
    def is_read_only(self) -> bool:
        """Whether it is being moved to another cluster: everything can be read, and every unit of work is refused."""
        return self.state == "moving"

    @property
    def is_open(self) -> bool:
        """Whether its people may look at it."""
        return self.is_active or self.is_read_only


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Which cluster serves, and what its connection is set to: a schema and the role that may use it (empty: the login itself)."""

    schema: str
    role: str
    tenant: TenantRef | None
    cluster: str = DEFAULT_CLUSTER


PUBLIC: Final = Scope(schema="public", role="", tenant=None)
_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("scope", default=None)
_bound: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("bound", default=None)


class Directory(Protocol):
    """Answers questions about tenants from a cached snapshot of the registry."""

    def by_host(self, host: str) -> TenantRef | None: ...

    def by_id(self, tenant_id: uuid.UUID) -> TenantRef | None: ...

    def active(self) -> list[TenantRef]: ...

    def forget(self) -> None: ...


_directory: list[Directory] = []


def install_directory(directory: Directory) -> None:
    """Called once by the app that owns the registry."""
    _directory[:] = [directory]


def current_scope() -> Scope:
    """The scope every query runs in. Raises NoTenantContext where none was entered."""
    scope = _scope.get()
    if scope is None:
        raise NoTenantContext("No tenant and no public scope is entered here")
    return scope


def current_scope_or_none() -> Scope | None:
    """The scope, or None outside of any (for logs)."""
    return _scope.get()


def current_tenant() -> TenantRef:
    """The tenant in scope. Raises NoTenantContext in the public scope and outside of any."""
    tenant = current_scope().tenant
    if tenant is None:
        raise NoTenantContext("This needs a tenant, but the public scope is entered")
    return tenant


def scope_key() -> str:
    """The prefix that keeps caches, locks, topics and limits of tenants apart."""
    tenant = current_scope().tenant
    return str(tenant.id) if tenant else "public"


@contextlib.contextmanager
def bound() -> Iterator[None]:
    """Until the end, statements in any scope but the present one are refused by the backend, on whatever cluster they would run.

    Held by the unit of work: one transaction never spans two schemas.
    """
    token = _bound.set(current_scope())
    try:
        yield
    finally:
        _bound.reset(token)


def bound_scope() -> Scope | None:
    """The scope that a running unit of work is bound to."""
    return _bound.get()


@contextlib.contextmanager
def _entered(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def tenant_scope(tenant: TenantRef) -> contextlib.AbstractContextManager[None]:
    """Everything inside runs in the tenant's schema under the tenant's role."""
    return _entered(Scope(schema=tenant.schema, role=tenant.role, tenant=tenant, cluster=tenant.cluster))


def public_scope() -> contextlib.AbstractContextManager[None]:
    """Everything inside runs in the public schema under the runtime login itself."""
    return _entered(PUBLIC)


def schema_scope(schema: str, *, cluster: str = DEFAULT_CLUSTER) -> contextlib.AbstractContextManager[None]:
    """For building schemas with the owner's login only: no role is taken, no tenant is known."""
    return _entered(Scope(schema=schema, role="", tenant=None, cluster=cluster))


def resolve_host(host: str) -> TenantRef | None:
    """The tenant that answers on this host name (without port), or None."""
    return _directory[0].by_host(host)


def resolve_tenant(tenant_id: uuid.UUID | str) -> TenantRef:
    """The tenant with this public id. Raises UnknownTenant."""
    tenant = _directory[0].by_id(uuid.UUID(str(tenant_id)))
    if tenant is None:
        raise UnknownTenant(str(tenant_id))
    return tenant


def active_tenants() -> list[TenantRef]:
    """All tenants whose work is done now."""
    return _directory[0].active()


def forget_directory() -> None:
    """Drops the snapshot, so that a change of the registry is seen at once in this process."""
    _directory[0].forget()

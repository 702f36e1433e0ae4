"""Facts about tenants, in the public log."""

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class TenantCreated(Event):
    """A tenant got its schema and its host."""

    type: ClassVar[str] = "tenant.created"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantActivated(Event):
    """A tenant's set-up is complete; its people may sign in."""

    type: ClassVar[str] = "tenant.activated"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantSuspended(Event):
    """A tenant's pages and API are closed; its intake is stored and waits."""

    type: ClassVar[str] = "tenant.suspended"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantResumed(Event):
    """A suspended tenant works again."""

    type: ClassVar[str] = "tenant.resumed"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantExported(Event):
    """A tenant was written to an archive."""

    type: ClassVar[str] = "tenant.exported"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantImported(Event):
    """A tenant was made of an archive, or of another tenant."""

    type: ClassVar[str] = "tenant.imported"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str
    is_clone: bool


@dataclass(frozen=True, kw_only=True)
class TenantMoved(Event):
    """A tenant lives on another cluster now."""

    type: ClassVar[str] = "tenant.moved"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str
    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class TenantDeletionBegun(Event):
    """A tenant is closed for good and being removed."""

    type: ClassVar[str] = "tenant.deletion_begun"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str


@dataclass(frozen=True, kw_only=True)
class TenantDeleted(Event):
    """Nothing of a tenant is left but its certificate of deletion."""

    type: ClassVar[str] = "tenant.deleted"
    aggregate_type: ClassVar[str] = "tenant"
    slug: str

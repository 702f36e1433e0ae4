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

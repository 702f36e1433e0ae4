"""Facts about roles."""

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class RoleAssigned(Event):
    """A user got a role, for the whole tenant or in a scope."""

    type: ClassVar[str] = "role.assigned"
    aggregate_type: ClassVar[str] = "user"
    role: str
    scope_kind: str


@dataclass(frozen=True, kw_only=True)
class RoleWithdrawn(Event):
    """A user lost a role."""

    type: ClassVar[str] = "role.withdrawn"
    aggregate_type: ClassVar[str] = "user"
    role: str
    scope_kind: str

"""Facts about log-ins."""

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class UserJoined(Event):
    """Someone accepted an invitation."""

    type: ClassVar[str] = "user.joined"
    aggregate_type: ClassVar[str] = "user"
    role: str


@dataclass(frozen=True, kw_only=True)
class UserDeactivated(Event):
    """A user may not sign in any more; sessions, keys and sockets end."""

    type: ClassVar[str] = "user.deactivated"
    aggregate_type: ClassVar[str] = "user"


@dataclass(frozen=True, kw_only=True)
class InvitationCreated(Event):
    """Someone was invited."""

    type: ClassVar[str] = "invitation.created"
    aggregate_type: ClassVar[str] = "invitation"
    role: str


@dataclass(frozen=True, kw_only=True)
class ApiKeyCreated(Event):
    """A machine got a key."""

    type: ClassVar[str] = "api_key.created"
    aggregate_type: ClassVar[str] = "api_key"
    name: str


@dataclass(frozen=True, kw_only=True)
class ApiKeyRevoked(Event):
    """A key no longer works."""

    type: ClassVar[str] = "api_key.revoked"
    aggregate_type: ClassVar[str] = "api_key"
    name: str

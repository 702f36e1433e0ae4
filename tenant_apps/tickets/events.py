"""Facts about tickets."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class TicketCreated(Event):
    """A piece of work began."""

    type: ClassVar[str] = "ticket.created"
    aggregate_type: ClassVar[str] = "ticket"
    number: int
    follow_up_of: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class TicketUpdated(Event):
    """Fields changed: `changes` maps a field to `[old, new]` with ids, keys and words only."""

    type: ClassVar[str] = "ticket.updated"
    aggregate_type: ClassVar[str] = "ticket"
    changes: dict[str, list[object]]


@dataclass(frozen=True, kw_only=True)
class TicketSolved(Event):
    """An agent solved it."""

    type: ClassVar[str] = "ticket.solved"
    aggregate_type: ClassVar[str] = "ticket"


@dataclass(frozen=True, kw_only=True)
class TicketReopened(Event):
    """It is worked on again: `reason` is `message` (someone wrote) or `agent`."""

    type: ClassVar[str] = "ticket.reopened"
    aggregate_type: ClassVar[str] = "ticket"
    reason: str


@dataclass(frozen=True, kw_only=True)
class TicketTouched(Event):
    """A message was added to one of its conversations: list rows change."""

    type: ClassVar[str] = "ticket.touched"
    aggregate_type: ClassVar[str] = "ticket"
    message_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class TicketShared(Event):
    """A colleague may see it (`view`) or work on it (`work`) though their roles do not reach it."""

    type: ClassVar[str] = "ticket.shared"
    aggregate_type: ClassVar[str] = "ticket"
    user_id: uuid.UUID
    level: str


@dataclass(frozen=True, kw_only=True)
class TicketUnshared(Event):
    """A share was taken back."""

    type: ClassVar[str] = "ticket.unshared"
    aggregate_type: ClassVar[str] = "ticket"
    user_id: uuid.UUID

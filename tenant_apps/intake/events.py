"""Facts about inbound events. They carry states and codes, never what arrived."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class InboundParked(Event):
    """Something arrived that could not become a message; an admin has to look."""

    type: ClassVar[str] = "inbound.parked"
    aggregate_type: ClassVar[str] = "inbound_event"
    inbox_id: uuid.UUID
    code: str


@dataclass(frozen=True, kw_only=True)
class InboundRerun(Event):
    """An admin asked to run a parked event again."""

    type: ClassVar[str] = "inbound.rerun"
    aggregate_type: ClassVar[str] = "inbound_event"
    inbox_id: uuid.UUID

"""Facts about contacts."""

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ContactCreated(Event):
    """Someone new wrote, or was added."""

    type: ClassVar[str] = "contact.created"
    aggregate_type: ClassVar[str] = "contact"

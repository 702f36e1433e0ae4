"""Facts about inboxes."""

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class InboxCreated(Event):
    """A channel account was set up."""

    type: ClassVar[str] = "inbox.created"
    aggregate_type: ClassVar[str] = "inbox"
    connector: str


@dataclass(frozen=True, kw_only=True)
class InboxSecretReplaced(Event):
    """The hook of a generic channel got a new signing secret."""

    type: ClassVar[str] = "inbox.secret_replaced"
    aggregate_type: ClassVar[str] = "inbox"

"""Facts about conversations and messages. They carry ids and states, never bodies."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ConversationStarted(Event):
    """A contact wrote on an inbox for the first time, or anew."""

    type: ClassVar[str] = "conversation.started"
    aggregate_type: ClassVar[str] = "conversation"
    inbox_id: uuid.UUID
    contact_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class MessageReceived(Event):
    """A message came in from outside."""

    type: ClassVar[str] = "message.received"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID
    kind: str


@dataclass(frozen=True, kw_only=True)
class MessageQueued(Event):
    """An agent's reply waits to be delivered. `client_token` lets the sender's page recognise it."""

    type: ClassVar[str] = "message.queued"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID
    client_token: str


@dataclass(frozen=True, kw_only=True)
class NoteAdded(Event):
    """An agent wrote an internal note."""

    type: ClassVar[str] = "note.added"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID
    client_token: str


@dataclass(frozen=True, kw_only=True)
class MessageSent(Event):
    """The channel accepted a reply."""

    type: ClassVar[str] = "message.sent"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class MessageFailed(Event):
    """A reply could not be delivered and will not be tried again by itself."""

    type: ClassVar[str] = "message.failed"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class MessageDelayed(Event):
    """An attempt to deliver a reply failed; the next one is planned."""

    type: ClassVar[str] = "message.delayed"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class MessageRequeued(Event):
    """Someone asked to send a failed reply again."""

    type: ClassVar[str] = "message.requeued"
    aggregate_type: ClassVar[str] = "message"
    conversation_id: uuid.UUID

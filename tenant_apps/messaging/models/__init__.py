"""Conversations, messages and what becomes of them."""

from tenant_apps.messaging.models.attachment import Attachment
from tenant_apps.messaging.models.conversation import Conversation, MessageIdEntry, ReadMark
from tenant_apps.messaging.models.delivery import Delivery
from tenant_apps.messaging.models.message import AuthorKind, DeliveryState, Direction, Message, MessageKind, Visibility

__all__ = [
    "Attachment",
    "AuthorKind",
    "Conversation",
    "Delivery",
    "DeliveryState",
    "Direction",
    "Message",
    "MessageIdEntry",
    "MessageKind",
    "ReadMark",
    "Visibility",
]

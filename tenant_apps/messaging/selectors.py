"""Reads of conversations and messages."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch, QuerySet
from kernel.permissions import require
from kernel.problems import NotAllowed

from tenant_apps.access.selectors import narrowing, reach_of
from tenant_apps.messaging.models import Attachment, Conversation, Message, MessageIdEntry

READ, SEND, NOTE = "messaging.message.read", "messaging.message.send", "messaging.note.write"


def conversations_visible_to(viewer: Any, code: str = READ) -> "QuerySet[Conversation]":  # Any: user or actor
    """The conversations for which the viewer holds the permission: those of tickets within its reach."""
    return Conversation.objects.filter(narrowing("messaging.conversation", viewer, code)).select_related("inbox", "contact")


def require_on_conversation(viewer: Any, code: str, conversation: Conversation) -> None:  # Any: user or actor
    """Raises NotAllowed where the viewer sees the conversation and may not do this in it."""
    require(viewer, code)
    if not reach_of(viewer, code).is_everywhere and not conversations_visible_to(viewer, code).filter(pk=conversation.pk).exists():
        raise NotAllowed


def messages_visible_to(viewer: Any) -> "QuerySet[Message]":  # Any: user or actor
    """Messages of visible conversations, notes included: only members of the tenant ask here."""
    rows = Message.objects.all()
    if reach_of(viewer, READ).is_everywhere:
        return rows
    return rows.filter(conversation__in=conversations_visible_to(viewer).select_related(None))


def messages_of(conversation_ids: Iterable[int]) -> "QuerySet[Message]":
    """The messages of some conversations in order, with authors and files: three queries however many there are."""
    attachments = Prefetch("attachments", queryset=Attachment.objects.order_by("id"))
    rows = Message.objects.filter(conversation_id__in=list(conversation_ids))
    return rows.select_related("author_user", "author_contact", "conversation").prefetch_related(attachments).order_by("id")


def message_by_id(public_id: uuid.UUID) -> Message | None:
    """One message with authors and files."""
    attachments = Prefetch("attachments", queryset=Attachment.objects.order_by("id"))
    rows = Message.objects.select_related("author_user", "author_contact", "conversation").prefetch_related(attachments)
    return rows.filter(public_id=public_id).first()


def attachments_visible_to(viewer: Any) -> "QuerySet[Attachment]":  # Any: user or actor
    """Files of visible messages."""
    return Attachment.objects.filter(message__in=messages_visible_to(viewer))


def attachment_by_id(public_id: uuid.UUID) -> Attachment | None:
    """A file whose link has been verified."""
    return Attachment.objects.filter(public_id=public_id).first()


def conversation_for_message_ids(message_ids: Iterable[str]) -> Conversation | None:
    """The conversation of the first known mail id, in the order given."""
    wanted = [message_id for message_id in message_ids if message_id]
    entries = MessageIdEntry.objects.filter(message_id__in=wanted).select_related("conversation__inbox", "conversation__contact")
    known = {entry.message_id: entry.conversation for entry in entries}
    return next((known[message_id] for message_id in wanted if message_id in known), None)

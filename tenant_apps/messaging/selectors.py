"""Reads of conversations and messages."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch, QuerySet

from tenant_apps.messaging.models import Attachment, Conversation, Message, MessageIdEntry


def conversations_visible_to(_viewer: Any) -> "QuerySet[Conversation]":  # Any: user or actor
    """Every member of the tenant sees every conversation; scopes come with the roles."""
    return Conversation.objects.select_related("inbox", "contact")


def messages_visible_to(viewer: Any) -> "QuerySet[Message]":  # Any: user or actor
    """Messages of visible conversations, notes included: only members of the tenant ask here."""
    return Message.objects.filter(conversation__in=conversations_visible_to(viewer))


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


def attachment_by_id(public_id: uuid.UUID) -> Attachment | None:
    """A file whose link has been verified."""
    return Attachment.objects.filter(public_id=public_id).first()


def conversation_for_message_ids(message_ids: Iterable[str]) -> Conversation | None:
    """The conversation of the first known mail id, in the order given."""
    wanted = [message_id for message_id in message_ids if message_id]
    entries = MessageIdEntry.objects.filter(message_id__in=wanted).select_related("conversation__inbox", "conversation__contact")
    known = {entry.message_id: entry.conversation for entry in entries}
    return next((known[message_id] for message_id in wanted if message_id in known), None)

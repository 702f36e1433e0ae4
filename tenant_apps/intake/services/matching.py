"""Which conversation an incoming message belongs to. Proof comes first, then what a participant refers to; a subject never counts."""

import dataclasses

from django.db.models import QuerySet

from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import Incoming
from tenant_apps.contacts.models import Contact
from tenant_apps.messaging.models import Conversation, Message, MessageIdEntry


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """The conversation found (None: a new one is due) and whether the sender is a stranger in it."""

    conversation: Conversation | None
    is_third_party: bool = False


def match_conversation(*, incoming: Incoming, inbox: Inbox, contact: Contact) -> Match:
    """Tries, in this order: the channel's own thread id, a signed reply address, a signed Message-ID, any known Message-ID.

    The signed ones give threading to whoever holds them, never authority: someone else than the conversation's contact comes in
    as a third party. A Message-ID that anybody may have chosen or read joins only the conversation's own contact.
    """
    conversation = _by_thread(incoming, inbox) or _by_reply_address(incoming) or _by_signed_id(incoming)
    if conversation is not None:
        return Match(conversation, is_third_party=conversation.contact_id != contact.pk)
    return Match(_by_known_id(incoming, contact))


def message_reported_on(incoming: Incoming) -> Message | None:
    """The message of ours a bounce is about: only a signed Message-ID names it, so nobody can fail a message he never got."""
    if incoming.report is None:
        return None
    wanted = list(incoming.message_ids)
    found = {message.public_id: message for message in Message.objects.filter(public_id__in=wanted, direction="out")}
    return next((found[item] for item in wanted if item in found), None)


def _by_thread(incoming: Incoming, inbox: Inbox) -> Conversation | None:
    if not incoming.thread_id:
        return None
    return _conversations().filter(inbox=inbox, external_thread_id=incoming.thread_id).first()


def _by_reply_address(incoming: Incoming) -> Conversation | None:
    wanted = list(incoming.conversation_ids)
    found = {row.public_id: row for row in _conversations().filter(public_id__in=wanted)} if wanted else {}
    return next((found[item] for item in wanted if item in found), None)


def _by_signed_id(incoming: Incoming) -> Conversation | None:
    wanted = list(incoming.message_ids)
    if not wanted:
        return None
    rows = Message.objects.filter(public_id__in=wanted).values_list("public_id", "conversation_id")
    found = dict(rows)
    first = next((found[item] for item in wanted if item in found), None)
    return _conversations().get(pk=first) if first is not None else None


def _by_known_id(incoming: Incoming, contact: Contact) -> Conversation | None:
    wanted = list(incoming.known_ids)
    if not wanted:
        return None
    entries = MessageIdEntry.objects.filter(message_id__in=wanted, conversation__contact=contact).values_list(
        "message_id", "conversation_id"
    )
    found = dict(entries)
    first = next((found[item] for item in wanted if item in found), None)
    return _conversations().get(pk=first) if first is not None else None


def _conversations() -> "QuerySet[Conversation]":
    return Conversation.objects.select_related("inbox", "contact")

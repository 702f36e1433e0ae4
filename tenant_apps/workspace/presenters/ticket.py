"""One ticket: its thread of messages and events, its fields, its contact."""

import dataclasses
import uuid
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import get_language_info, gettext, pgettext
from shared_apps.events import log as event_log
from shared_apps.events import selectors as events
from ui.faces import face

from tenant_apps.access.selectors import has_permission
from tenant_apps.contacts import selectors as contacts
from tenant_apps.messaging import selectors as messaging
from tenant_apps.messaging.models import Conversation
from tenant_apps.organization import selectors as organization
from tenant_apps.tickets import selectors as tickets
from tenant_apps.tickets.models import Status, StatusCategory, Ticket
from tenant_apps.tickets.reach import tickets_visible_to
from tenant_apps.workspace.presenters.history import EventLine, Names, event_lines
from tenant_apps.workspace.presenters.messages import MessageView, message_view
from tenant_apps.workspace.presenters.rows import CHANNEL_ICONS, PRIORITY_LABELS, PRIORITY_TONES

STATUS_TONES: Final = {
    StatusCategory.NEW: "info",
    StatusCategory.OPEN: "ok",
    StatusCategory.WAITING_CUSTOMER: "warn",
    StatusCategory.WAITING_OTHER: "warn",
    StatusCategory.SOLVED: "",
    StatusCategory.CLOSED: "",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A part of the thread: either a message or a line about an event."""

    message: MessageView | None = None
    line: EventLine | None = None


def names_of_today() -> Names:
    """The names behind ids and keys in events."""
    return Names(
        people={str(agent.public_id): agent.name for agent in organization.agents()},
        teams={str(team.public_id): team.name for team in organization.teams()},
        statuses={status.key: status_label(status) for status in tickets.statuses()},
    )


def status_label(status: Status) -> str:
    """The tenant's own name for a status; the names a new tenant starts with are translated."""
    known = {
        "New": pgettext("status", "New"),
        "Open": pgettext("status", "Open"),
        "Pending": pgettext("status", "Pending"),
        "Waiting": pgettext("status", "Waiting"),
        "Waiting for customer": pgettext("status", "Waiting for customer"),
        "On hold": pgettext("status", "On hold"),
        "Solved": pgettext("status", "Solved"),
        "Closed": pgettext("status", "Closed"),
    }
    return known.get(status.label_agent, status.label_agent)


def ticket_context(viewer: Any, ticket: Ticket) -> dict[str, Any]:  # Any: the user; template context
    """Everything a ticket's thread and panel show. The sequence number is read first: what comes later is sent by the stream."""
    seq = event_log.last_seq()
    conversations = tickets.conversation_ids_of(ticket)
    return {
        "seq": seq,
        "may_see_audit": has_permission(viewer, "audit.entry.read"),
        **head_context(ticket),
        **_thread(viewer, ticket, conversations),
        **_contact(viewer, ticket),
    }


def head_context(ticket: Ticket) -> dict[str, Any]:  # Any: template context
    """What head and fields of a ticket show: the same for every viewer, so that one rendering serves all."""
    category = StatusCategory(ticket.category)
    return {
        "ticket": ticket,
        "ticket_statuses": [
            (status.key, status_label(status), status.pk == ticket.status_id)
            for status in tickets.statuses()
            if status.category != StatusCategory.NEW or status.pk == ticket.status_id
        ],
        "status_label": status_label(ticket.status),
        "status_tone": STATUS_TONES[category],
        "priorities": [(key, label, key == ticket.priority) for key, label in PRIORITY_LABELS.items()],
        "priority_label": PRIORITY_LABELS.get(ticket.priority, ticket.priority),
        "priority_tone": PRIORITY_TONES.get(ticket.priority, ""),
        "is_done": category in tickets.DONE_CATEGORIES,
        "is_closed": category == StatusCategory.CLOSED,
        "agents": [(agent, face(agent.name, agent.public_id), agent.pk == ticket.assignee_id) for agent in organization.agents()],
        "assignee_face": face(ticket.assignee.name, ticket.assignee.public_id) if ticket.assignee else None,
        "teams_of_choice": [(team, team.pk == ticket.team_id) for team in organization.teams()],
        "tags": sorted(ticket.tags.values_list("name", flat=True)),
    }


def _thread(viewer: Any, ticket: Ticket, conversations: list[int]) -> dict[str, Any]:  # Any: the user; template context
    names = names_of_today()
    messages = list(messaging.messages_of(conversations))
    items = [(message.created_at, 0, Item(message=message_view(message))) for message in messages]
    for event in events.events_of("ticket", ticket.public_id):
        items += [(line.at, 1, Item(line=line)) for line in event_lines(event, names)]
    successor = tickets.ticket_of_conversation(viewer, conversations[-1]) if conversations else None
    return {
        "items": [item for _, _, item in sorted(items, key=lambda entry: entry[:2])],
        "conversation_ids": sorted({str(message.conversation.public_id) for message in messages}),
        **_ways_to_write(viewer, ticket, conversations),
        "successor": successor if successor is not None and successor.pk != ticket.pk else None,
        "channel": gettext("e-mail") if ticket.connector == "email" else "API",
        "channel_icon": CHANNEL_ICONS.get(ticket.connector, "mail"),
    }


def _ways_to_write(viewer: Any, ticket: Ticket, conversations: list[int]) -> dict[str, bool]:  # Any: the user
    """Which kinds of message the viewer may write here."""
    is_open = bool(conversations) and ticket.category != StatusCategory.CLOSED
    may_reply, may_note = (
        is_open and tickets_visible_to(viewer, code).filter(pk=ticket.pk).exists() for code in (messaging.SEND, messaging.NOTE)
    )
    return {"has_conversation": bool(conversations), "can_write": may_reply or may_note, "may_reply": may_reply, "may_note": may_note}


def _contact(viewer: Any, ticket: Ticket) -> dict[str, Any]:  # Any: the user; template context
    contact = contacts.contact_detail(viewer, ticket.requester.public_id) or ticket.requester
    name = contact.name or contact.email or "?"
    return {
        "contact": contact,
        "contact_name": name,
        "contact_language": _language(contact.language),
        "contact_face": face(name, contact.public_id),
        "identities": [
            {"icon": {"email": "mail", "phone": "phone"}.get(identity.kind, "hash"), "value": identity.value}
            for identity in contact.identities.all()
        ],
        "earlier": [
            {"ticket": other, "status": status_label(other.status), "is_done": other.category in tickets.DONE_CATEGORIES}
            for other in tickets.tickets_of_requester(viewer, ticket)
        ],
    }


def _language(code: str) -> str:
    """The name of a language; the code itself where nobody knows it."""
    try:
        return capfirst(str(get_language_info(code.lower())["name_translated"])) if code else ""
    except KeyError:
        return code


def current_conversation(viewer: Any, ticket: Ticket) -> Conversation | None:  # Any: the user
    """The conversation that replies to the ticket go to; None for a ticket without one."""
    keys = tickets.conversation_ids_of(ticket)
    return messaging.conversations_visible_to(viewer).filter(pk=keys[-1]).first() if keys else None


def find_ticket(viewer: Any, public_id: uuid.UUID) -> Ticket | None:  # Any: the user
    """One ticket, or None where it is not there or not visible."""
    return tickets.ticket_by_id(viewer, public_id)

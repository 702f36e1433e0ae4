"""What an event changes on the agent's screen, as fragments of HTML.

A rendering depends on the event, the language and the open ticket only, never on the viewer, so one rendering serves every
page that shows the same. What differs between viewers (whose row is mine, drafts, local times) the page does by itself.
"""

import uuid
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils import timezone, translation
from kernel.events import StoredEvent

from tenant_apps.access.selectors import AnyViewer
from tenant_apps.messaging import selectors as messaging
from tenant_apps.messaging.models import Direction
from tenant_apps.realtime import selectors as stream
from tenant_apps.realtime.registry import Fragment
from tenant_apps.tickets import selectors as tickets
from tenant_apps.workspace.presenters.history import event_lines
from tenant_apps.workspace.presenters.messages import message_view
from tenant_apps.workspace.presenters.rows import row_of
from tenant_apps.workspace.presenters.ticket import find_ticket, head_context, names_of_today

MOST_MISSED: Final = 300
"""More missed events than this are cheaper to answer by drawing the page anew."""

_NEW_MESSAGES: Final = frozenset({"message.received", "message.queued", "note.added"})
_CHANGED_MESSAGES: Final = frozenset({"message.sent", "message.delayed", "message.failed", "message.requeued"})


def render_event(event: StoredEvent, *, viewer_language: str, open_ticket: uuid.UUID | None) -> list[Fragment]:
    """The fragments of one event for a page in this language with this ticket open (or none)."""
    with translation.override(viewer_language), timezone.override("UTC"):
        if event.type.startswith("ticket."):
            return [*_row(event), *(_open_ticket(event, open_ticket) if event.aggregate_id == open_ticket else [])]
        if open_ticket is not None and event.type in _NEW_MESSAGES | _CHANGED_MESSAGES:
            return _message(event, open_ticket)
    return []


def missed_events(viewer: Any, *, since: int, open_ticket: uuid.UUID | None) -> dict[str, Any]:  # Any: the user; JSON
    """What the socket would have sent after `since`: `{events, seq}`, or `{reset: true, seq}` where the gap is too large."""
    last = stream.newest_seq()
    if since > last or last - since > MOST_MISSED or stream.is_too_old(since):
        return {"reset": True, "seq": last, "events": []}
    missed = stream.events_visible_to(viewer, stream.read_log(since, last))
    return {"events": [envelope(event, viewer_language=viewer.language, open_ticket=open_ticket) for event in missed], "seq": last}


def envelope(event: StoredEvent, *, viewer_language: str, open_ticket: uuid.UUID | None) -> dict[str, Any]:  # Any: JSON
    """One event as the socket sends it to a page."""
    fragments = render_event(event, viewer_language=viewer_language, open_ticket=open_ticket)
    at = event.occurred_at.isoformat().replace("+00:00", "Z")
    return {"v": 1, "seq": event.seq, "type": event.type, "at": at, "fragments": [fragment.as_json() for fragment in fragments]}


def _row(event: StoredEvent) -> list[Fragment]:
    values = tickets.ticket_row(AnyViewer(), event.aggregate_id)
    if values is None:
        return []
    row = row_of({**values, "is_unread": False}, is_incoming=_is_incoming(event))
    return [Fragment("#rows", "row", _render("row", {"row": row}))]


def _is_incoming(event: StoredEvent) -> bool:
    if event.type != "ticket.touched":
        return False
    message = messaging.message_by_id(uuid.UUID(str(event.data["message_id"])))
    return message is not None and message.direction == Direction.IN


def _open_ticket(event: StoredEvent, ticket_id: uuid.UUID) -> list[Fragment]:
    ticket = find_ticket(AnyViewer(), ticket_id)
    if ticket is None:
        return []
    context = head_context(ticket)
    here = f'[data-ticket="{ticket_id}"]'
    lines = "".join(_render("event", {"line": line}) for line in event_lines(event, names_of_today()))
    return [
        Fragment(f"#thread-head{here}", "outerMorph", _render("head", context)),
        Fragment(f"#ticket-fields{here}", "outerMorph", _render("fields", context)),
        *([Fragment(f"#log{here}", "beforeend", lines)] if lines else []),
    ]


def _message(event: StoredEvent, ticket_id: uuid.UUID) -> list[Fragment]:
    message = messaging.message_by_id(event.aggregate_id)
    ticket = find_ticket(AnyViewer(), ticket_id)
    if message is None or ticket is None or message.conversation_id not in tickets.conversation_ids_of(ticket):
        return []
    context = {"message": message_view(message), "ticket_id": ticket_id}
    if event.type in _CHANGED_MESSAGES:
        return [Fragment(f"#m-{message.public_id}", "outerMorph", _render("message", context))]
    return [Fragment(f'#log[data-ticket="{ticket_id}"]', "beforeend", _render("message", context))]


def _render(name: str, context: dict[str, Any]) -> str:  # Any: template context
    return render_to_string(f"workspace/live/{name}.html", context).strip()

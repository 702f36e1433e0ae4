"""The lines between messages: what happened to the ticket, told in words from the event log."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from kernel.events import StoredEvent

from tenant_apps.workspace.presenters.rows import PRIORITY_LABELS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One line of a thread. `seq` names it, so that it is added once."""

    seq: int
    icon: str
    text: SafeString
    at: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the ids and keys in events are called today."""

    people: Mapping[str, str]
    teams: Mapping[str, str]
    statuses: Mapping[str, str]


Change = Callable[[StoredEvent, Any, Any, Names], SafeString | None]  # Any: JSON values of the event
SHOWN_TYPES: Final = ("ticket.created", "ticket.updated", "ticket.reopened")


def event_lines(event: StoredEvent, names: Names) -> list[EventLine]:
    """The lines of one event: one for each field that changed, none for what the messages show anyway."""
    if event.type == "ticket.reopened" and event.data.get("reason") == "message":
        return [_line(event, "rotate-cw", format_html(_("A new message reopened this ticket")))]
    if event.type == "ticket.created" and event.data.get("follow_up_of"):
        return [_line(event, "git-branch", format_html(_("This ticket continues an earlier one")))]
    if event.type == "ticket.created" and event.actor.get("kind") in {"user", "api_key"}:
        return [_line(event, "plus", format_html(_("{actor} created this ticket"), actor=_actor(event)))]
    if event.type != "ticket.updated":
        return []
    lines = []
    for field, (icon, tell) in _CHANGES.items():
        if field in event.data["changes"]:
            old, new = event.data["changes"][field]
            text = tell(event, old, new, names)
            if text is not None:
                lines.append(_line(event, icon, text))
    return lines


def _line(event: StoredEvent, icon: str, text: SafeString) -> EventLine:
    return EventLine(seq=event.seq, icon=icon, text=text, at=event.occurred_at)


def _actor(event: StoredEvent) -> SafeString:
    name = event.actor.get("name") or _("Someone")
    return format_html("<b>{}</b>", name)


def _status(event: StoredEvent, _old: Any, new: Any, names: Names) -> SafeString:  # Any: JSON
    return format_html(_("{actor} set the status to {status}"), actor=_actor(event), status=_bold(names.statuses.get(new, new)))


def _priority(event: StoredEvent, _old: Any, new: Any, _names: Names) -> SafeString:  # Any: JSON
    return format_html(_("{actor} set the priority to {priority}"), actor=_actor(event), priority=_bold(str(PRIORITY_LABELS.get(new, new))))


def _assignee(event: StoredEvent, _old: Any, new: Any, names: Names) -> SafeString:  # Any: JSON
    if new is None:
        return format_html(_("{actor} took the assignee off"), actor=_actor(event))
    if new == event.actor.get("id"):
        return format_html(_("{actor} took this ticket"), actor=_actor(event))
    person = _bold(names.people.get(new, pgettext("person", "someone who has left")))
    return format_html(_("{actor} assigned {person}"), actor=_actor(event), person=person)


def _team(event: StoredEvent, _old: Any, new: Any, names: Names) -> SafeString:  # Any: JSON
    if new is None:
        return format_html(_("{actor} took the team off"), actor=_actor(event))
    return format_html(_("{actor} moved this ticket to {team}"), actor=_actor(event), team=_bold(names.teams.get(new, "?")))


def _subject(event: StoredEvent, _old: Any, new: Any, _names: Names) -> SafeString:  # Any: JSON
    return format_html(_("{actor} changed the subject to {subject}"), actor=_actor(event), subject=_bold(new))


def _tags(event: StoredEvent, removed: Any, added: Any, _names: Names) -> SafeString | None:  # Any: JSON
    if added and removed:
        return format_html(
            _("{actor} added {added} and removed {removed}"),
            actor=_actor(event),
            added=_bold(", ".join(added)),
            removed=_bold(", ".join(removed)),
        )
    words = added or removed
    if not words:
        return None
    pattern = (
        ngettext("{actor} added the tag {words}", "{actor} added the tags {words}", len(words))
        if added
        else ngettext("{actor} removed the tag {words}", "{actor} removed the tags {words}", len(words))
    )
    return format_html(pattern, actor=_actor(event), words=_bold(", ".join(words)))


def _bold(words: object) -> SafeString:
    return format_html("<b>{}</b>", words)


_CHANGES: Final[dict[str, tuple[str, Change]]] = {
    "status": ("circle-check", _status),
    "assignee": ("user-round", _assignee),
    "team": ("users", _team),
    "priority": ("signal-high", _priority),
    "subject": ("pencil-line", _subject),
    "tags": ("tag", _tags),
}

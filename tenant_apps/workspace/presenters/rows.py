"""Rows of the ticket list, and the views they stand in."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from kernel.problems import NotFound
from ui.faces import Face, face

from tenant_apps.access.selectors import has_permission
from tenant_apps.organization import selectors as organization
from tenant_apps.organization.models import Team
from tenant_apps.tickets import selectors as tickets
from tenant_apps.tickets.reach import EXPORT

PAGE_SIZE: Final = 30
CHANNEL_ICONS: Final = {"email": "mail", "api": "code"}
VIEW_LABELS: Final = {
    "my": (gettext_lazy("My inbox"), "inbox", "G I"),
    "unassigned": (gettext_lazy("Unassigned"), "circle-dashed", "G U"),
    "open": (gettext_lazy("All open"), "users", "G A"),
    "done": (pgettext_lazy("view", "Done"), "circle-check", "G D"),
}
PRIORITY_TONES: Final = {"urgent": "bad", "high": "warn"}
PRIORITY_LABELS: Final = {
    "low": pgettext_lazy("priority", "Low"),
    "normal": pgettext_lazy("priority", "Normal"),
    "high": pgettext_lazy("priority", "High"),
    "urgent": pgettext_lazy("priority", "Urgent"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One ticket in the list."""

    id: uuid.UUID
    number: int
    name: str
    subject: str
    preview: str
    face: Face
    icon: str
    at: datetime.datetime
    tags: list[str]
    priority: str
    priority_label: str
    priority_tone: str
    assignee: Face | None
    assignee_id: str
    team_key: str
    category: str
    is_unread: bool = False
    is_incoming: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ViewChoice:
    """A view and a segment of it, as the address names them: `?v=team/billing&s=waiting`."""

    view: str
    segment: str

    @property
    def key(self) -> str:
        """The view as the selectors name it."""
        return self.view.replace("/", ":", 1)

    @property
    def url(self) -> str:
        """The address of the list alone."""
        return f"/inbox/v/{self.view}/" + (f"?s={self.segment}" if self.segment != self.first_segment else "")

    @property
    def search(self) -> str:
        """What a ticket's address carries, so that it opens beside the same list."""
        values = {} if self.view == "my" else {"v": self.view}
        if self.segment != self.first_segment:
            values["s"] = self.segment
        return f"?{urlencode(values, safe='/')}" if values else ""

    @property
    def first_segment(self) -> str:
        return "done" if self.view == "done" else "open"

    @property
    def wanted(self) -> tickets.TicketFilter:
        """The filter of the selectors."""
        return tickets.TicketFilter(view=self.key, categories=tuple(tickets.SEGMENTS[self.segment]))


def view_choice(view: str, segment: str) -> ViewChoice:
    """The choice an address names. Raises NotFound for a view that does not exist; a wrong segment is the first one."""
    is_team = view.startswith("team/") and len(view) > len("team/")
    if view not in tickets.VIEWS and not is_team:
        raise NotFound
    first = "done" if view == "done" else "open"
    return ViewChoice(view=view, segment=segment if segment in tickets.SEGMENTS and view != "done" else first)


def row_of(values: Mapping[str, Any], *, is_incoming: bool = False) -> Row:  # Any: column values of tickets.COLUMNS
    """The row for one ticket as `ticket_page` returns it."""
    name = values["requester__name"] or values["requester__email"] or "?"
    assignee_id = values["assignee__public_id"]
    priority = values["priority"]
    return Row(
        id=values["public_id"],
        number=values["number"],
        name=name,
        subject=values["subject"],
        preview=values["snippet"],
        face=face(name, values["requester__public_id"]),
        icon=CHANNEL_ICONS.get(values["connector"], ""),
        at=values["last_message_at"],
        tags=values["tags"][:3],
        priority=priority,
        priority_label=str(PRIORITY_LABELS.get(priority, priority)),
        priority_tone=PRIORITY_TONES.get(priority, ""),
        assignee=face(values["assignee__name"], assignee_id) if assignee_id else None,
        assignee_id=str(assignee_id or ""),
        team_key=values["team__key"] or "",
        category=values["category"],
        is_unread=values["is_unread"],
        is_incoming=is_incoming,
    )


def list_context(viewer: Any, choice: ViewChoice, cursor: str = "") -> dict[str, Any]:  # Any: the user; template context
    """What the list of one view and segment shows."""
    page = tickets.ticket_page(viewer, wanted=choice.wanted, cursor=cursor, limit=PAGE_SIZE)
    return {
        "choice": choice,
        "rows": [row_of(values) for values in page.rows],
        "next_url": choice.url + ("&" if "?" in choice.url else "?") + urlencode({"cursor": page.next}) if page.next else "",
    }


def counts_context(viewer: Any, choice: ViewChoice) -> dict[str, Any]:  # Any: the user; template context
    """The numbers beside views and segments, and the names of the views."""
    counts = tickets.view_counts(viewer)
    teams = list(organization.teams())
    segments = {} if choice.view == "done" else tickets.segment_counts(viewer, choice.key)
    labels = {**{view: str(label) for view, (label, _, _) in VIEW_LABELS.items()}, **{f"team/{team.key}": team.name for team in teams}}
    if choice.view not in labels:
        raise NotFound
    return {
        "views": [
            {"view": view, "label": label, "icon": icon, "keys": keys, "count": counts.get(view, ""), "current": choice.view == view}
            for view, (label, icon, keys) in VIEW_LABELS.items()
        ],
        "teams": [
            {
                "view": f"team/{team.key}",
                "label": team.name,
                "count": counts.get(f"team:{team.key}", 0),
                "current": choice.view == f"team/{team.key}",
            }
            for team in teams
        ],
        "title": labels[choice.view],
        "segment_links": [
            ("open", pgettext("segment", "Open"), segments.get("open", "")),
            ("waiting", pgettext("segment", "Waiting"), segments.get("waiting", "")),
            ("done", pgettext("segment", "Done"), ""),
        ],
        "export_url": _export_url(viewer, choice, teams) if has_permission(viewer, EXPORT) else "",
        "shown_count": counts.get(choice.key, "") if choice.view != "done" else "",
        "my_count": counts["my"],
        "unassigned_count": counts["unassigned"],
    }


def _export_url(viewer: Any, choice: ViewChoice, teams: list[Team]) -> str:  # Any: the user
    """The address of the export of what the list shows."""
    kind, _, key = choice.view.partition("/")
    narrowing = {
        "my": {"assignee": str(viewer.public_id)},
        "unassigned": {"assignee": "none"},
        "team": {"team": next((str(team.public_id) for team in teams if team.key == key), "")},
    }
    query = {**narrowing.get(kind, {}), "status": ",".join(choice.wanted.categories), "format": "csv"}
    return f"/api/v1/tickets/export?{urlencode(query)}"

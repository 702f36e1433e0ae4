"""The audit trail in sentences: who did what to what, from where, and what changed. Pages of tenants and of operators draw the same."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from ui.faces import Face, face

from shared_apps.audit import words

Row = Mapping[str, Any]  # Any: column values
Names = Mapping[str, Mapping[uuid.UUID, str]]
"""What objects are called today, by kind and id; what is markup already is shown as it is."""
_WITHOUT_HISTORY: Final = frozenset({"route", "audit", "ticket_list"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as a page shows it."""

    n: int
    at: datetime.datetime
    face: Face
    sentence: SafeString
    action: str
    is_refused: bool
    ip: str
    user_agent: str
    request_id: str
    changes: list[tuple[str, str, str]]
    history: str


def ids_by_kind(rows: Sequence[Row]) -> dict[str, set[uuid.UUID]]:
    """The objects that the entries speak of, so that their names can be read with one query a kind."""
    wanted: dict[str, set[uuid.UUID]] = {}
    for row in rows:
        wanted.setdefault(row["object_type"], set()).add(row["object_id"])
    return wanted


def told(rows: Sequence[Row], names: Names, *, page: str) -> list[Line]:
    """The entries in words; `page` is the address at which an object's history is asked for."""
    return [_line(row, names, page) for row in rows]


def history_url(page: str, object_type: str, object_id: object) -> str:
    """Where the history of one object stands."""
    return f"{page}?" + urlencode({"object_type": object_type, "object_id": str(object_id)})


def _line(row: Row, names: Names, page: str) -> Line:
    actor = row["actor"]
    name = str(actor.get("name") or pgettext("person", "Somebody"))
    return Line(
        n=row["n"],
        at=row["at"],
        face=face(name, actor.get("id") or name),
        sentence=_sentence(row, names),
        action=row["action"],
        is_refused=row["outcome"] == "refused",
        ip=row["ip"],
        user_agent=row["user_agent"],
        request_id=row["request_id"],
        changes=[_change(field, change) for field, change in row["changes"].items()],
        history="" if row["object_type"] in _WITHOUT_HISTORY else history_url(page, row["object_type"], row["object_id"]),
    )


def _sentence(row: Row, names: Names) -> SafeString:
    pattern = words.SENTENCES.get(row["action"])
    actor, about = _actor(row["actor"]), _object(row, names)
    if pattern is None:
        return format_html("{}: {} ({})", actor, row["action"], about)
    return format_html(str(pattern), actor=actor, object=about)


def _actor(actor: Row) -> SafeString:
    name = actor.get("name") or pgettext("person", "Somebody")
    behalf = actor.get("on_behalf_of") or {}
    if actor.get("kind") == "api_key":
        return format_html(gettext("<b>{name}</b> by an API key"), name=behalf.get("name") or name)
    if actor.get("kind") == "operator" and behalf:
        return format_html(gettext("The operator <b>{name}</b> for {member}"), name=name, member=behalf.get("name") or "?")
    if actor.get("kind") == "operator":
        return format_html(gettext("The operator <b>{name}</b>"), name=name)
    if actor.get("kind") == "rule":
        return format_html(gettext("The rule <b>{name}</b>"), name=name)
    return format_html("<b>{}</b>", name)


def _object(row: Row, names: Names) -> SafeString:
    kind = row["object_type"]
    label = str(words.TYPES.get(kind, kind))
    known = names.get(kind, {}).get(row["object_id"])
    if isinstance(known, SafeString):
        return known
    if known is None and kind in words.SAID:
        known = _said(row["changes"], "name")
    if kind == "user" and known:
        return format_html("<b>{}</b>", known)
    return format_html("{} <b>{}</b>", label, known) if known else format_html("{}", label)


def _said(changes: Row, field: str) -> str:
    """What an entry itself calls something that is gone."""
    pair = changes.get(field)
    return str(next((value for value in reversed(pair) if value), "")) if isinstance(pair, list) else ""


def _change(field: str, change: Any) -> tuple[str, str, str]:  # Any: JSON
    label = str(words.FIELDS.get(field, field))
    if isinstance(change, list) and len(change) == 2:
        return label, _shown(change[0]), _shown(change[1])
    return label, "", _shown(change)


def _shown(value: Any) -> str:  # Any: JSON
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(inner)}" for name, inner in value.items())
    return str(value)

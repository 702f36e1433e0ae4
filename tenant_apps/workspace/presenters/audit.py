"""The audit trail in sentences: who did what to what, from where, and what changed."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from shared_apps.accounts.models import ApiKey, User
from ui.faces import Face, face

from tenant_apps.connectors import selectors as connectors
from tenant_apps.tickets.reach import tickets_visible_to

Row = Mapping[str, Any]  # Any: column values

# {actor} and {object} are put in; a refusal is told by its own sentence, whatever was tried.
_SENTENCES: Final = {
    "access.refuse": gettext_lazy("{actor} was refused"),
    "api_key.create": gettext_lazy("{actor} created {object}"),
    "api_key.revoke": gettext_lazy("{actor} revoked {object}"),
    "api_key.rotate": gettext_lazy("{actor} replaced {object}"),
    "audit.export": gettext_lazy("{actor} exported audit entries"),
    "audit.imported": gettext_lazy("{actor} took over the entries up to here from an archive"),
    "audit.pruned": gettext_lazy("{actor} removed entries that were older than they are kept"),
    "audit.set_retention": gettext_lazy("{actor} changed how long audit entries are kept"),
    "contact.create": gettext_lazy("{actor} created {object}"),
    "contact.update": gettext_lazy("{actor} changed {object}"),
    "inbound.rerun": gettext_lazy("{actor} ran {object} again"),
    "inbox.adopt": gettext_lazy("{actor} gave {object} a new address"),
    "inbox.create": gettext_lazy("{actor} created {object}"),
    "inbox.replace_secret": gettext_lazy("{actor} replaced the secret of {object}"),
    "invitation.create": gettext_lazy("{actor} invited somebody"),
    "message.note": gettext_lazy("{actor} wrote {object} as an internal note"),
    "message.retry": gettext_lazy("{actor} sent {object} again"),
    "message.send": gettext_lazy("{actor} sent {object}"),
    "role.grant": gettext_lazy("{actor} gave {object} a role"),
    "service_account.create": gettext_lazy("{actor} created the service account {object}"),
    "sso.break_glass": gettext_lazy("{object} signed in by password while single sign-on is enforced"),
    "sso.create": gettext_lazy("{actor} created {object}"),
    "sso.refuse": gettext_lazy("A sign-in was refused: {object}"),
    "sso.set_state": gettext_lazy("{actor} switched {object}"),
    "sso.sign_in": gettext_lazy("Somebody signed in through {object}"),
    "sso.update": gettext_lazy("{actor} changed {object}"),
    "ticket.create": gettext_lazy("{actor} created {object}"),
    "ticket.update": gettext_lazy("{actor} changed {object}"),
    "user.create": gettext_lazy("{actor} created {object}"),
    "user.deactivate": gettext_lazy("{actor} ended the access of {object}"),
    "user.update_profile": gettext_lazy("{actor} changed the profile of {object}"),
}
_TYPES: Final = {
    "api_key": pgettext_lazy("audit", "the API key"),
    "audit": pgettext_lazy("audit", "the audit trail"),
    "contact": pgettext_lazy("audit", "a contact"),
    "inbound_event": pgettext_lazy("audit", "an inbound message"),
    "inbox": pgettext_lazy("audit", "the inbox"),
    "invitation": pgettext_lazy("audit", "an invitation"),
    "message": pgettext_lazy("audit", "a message"),
    "role": pgettext_lazy("audit", "the role"),
    "sso_connection": pgettext_lazy("audit", "a connection of single sign-on"),
    "tenant": pgettext_lazy("audit", "the organization"),
    "ticket": pgettext_lazy("audit", "the ticket"),
    "user": pgettext_lazy("audit", "a user"),
}
TYPE_LABELS: Final = (
    ("ticket", gettext_lazy("Tickets")),
    ("message", gettext_lazy("Messages")),
    ("contact", gettext_lazy("Contacts")),
    ("user", gettext_lazy("Users")),
    ("api_key", gettext_lazy("API keys")),
    ("inbox", gettext_lazy("Inboxes")),
    ("invitation", gettext_lazy("Invitations")),
    ("route", gettext_lazy("Refusals")),
    ("audit", gettext_lazy("Audit trail")),
)
_FIELDS: Final = {
    "address": pgettext_lazy("field", "Address"),
    "allowed_networks": pgettext_lazy("field", "Networks"),
    "assignee": pgettext_lazy("field", "Assignee"),
    "category": pgettext_lazy("field", "Category"),
    "conversation": pgettext_lazy("field", "Conversation"),
    "expiry": pgettext_lazy("field", "Ends"),
    "fields": pgettext_lazy("field", "Fields"),
    "files": pgettext_lazy("field", "Files"),
    "format": pgettext_lazy("field", "Format"),
    "keep_days": pgettext_lazy("field", "Days kept"),
    "language": pgettext_lazy("field", "Language"),
    "method": pgettext_lazy("field", "Method"),
    "name": pgettext_lazy("field", "Name"),
    "number": pgettext_lazy("field", "Number"),
    "path": pgettext_lazy("field", "Address of the page"),
    "prefix": pgettext_lazy("field", "Begins with"),
    "priority": pgettext_lazy("field", "Priority"),
    "rate_class": pgettext_lazy("field", "Calls allowed"),
    "reason": pgettext_lazy("field", "Reason"),
    "role": pgettext_lazy("field", "Role"),
    "scopes": pgettext_lazy("field", "Rights"),
    "status": pgettext_lazy("field", "Status"),
    "subject": pgettext_lazy("field", "Subject"),
    "successor": pgettext_lazy("field", "Successor"),
    "tags": pgettext_lazy("field", "Tags"),
    "team": pgettext_lazy("field", "Team"),
    "theme": pgettext_lazy("field", "Theme"),
    "time_zone": pgettext_lazy("field", "Time zone"),
    "user": pgettext_lazy("field", "User"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as the page shows it."""

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the objects of a page are called today."""

    tickets: Mapping[uuid.UUID, int]
    users: Mapping[uuid.UUID, str]
    keys: Mapping[uuid.UUID, str]
    inboxes: Mapping[uuid.UUID, str]


def audit_lines(viewer: User, rows: Sequence[Row]) -> list[Line]:
    """The entries in words. Four queries for all of them, each only where something of its kind is on the page."""
    named = _named(viewer, rows)
    return [_line(row, named) for row in rows]


def history_url(object_type: str, object_id: object) -> str:
    """Where the history of one object stands."""
    return "/settings/audit/?" + urlencode({"object_type": object_type, "object_id": str(object_id)})


def actor_choices(people_known: list[User], keys: list[ApiKey]) -> list[tuple[str, str]]:
    """Who can be chosen as the one who acted."""
    people = [(str(user.public_id), user.name) for user in people_known]
    return people + [(str(key.public_id), gettext("Key: %(name)s") % {"name": key.name}) for key in keys]


def _named(viewer: User, rows: Sequence[Row]) -> Named:
    wanted: dict[str, set[uuid.UUID]] = {}
    for row in rows:
        wanted.setdefault(row["object_type"], set()).add(row["object_id"])

    def names(kind: str, found: Any, column: str) -> dict[uuid.UUID, Any]:  # Any: a queryset; column values
        ids = wanted.get(kind)
        return dict(found.filter(public_id__in=ids).values_list("public_id", column)) if ids else {}

    return Named(
        tickets=names("ticket", tickets_visible_to(viewer), "number"),
        users=names("user", User.objects.all(), "name"),
        keys=names("api_key", ApiKey.objects.all(), "name"),
        inboxes=names("inbox", connectors.inboxes_visible_to(viewer), "name"),
    )


def _line(row: Row, named: Named) -> Line:
    actor = row["actor"]
    name = str(actor.get("name") or pgettext("person", "Somebody"))
    return Line(
        n=row["n"],
        at=row["at"],
        face=face(name, actor.get("id") or name),
        sentence=_sentence(row, named),
        action=row["action"],
        is_refused=row["outcome"] == "refused",
        ip=row["ip"],
        user_agent=row["user_agent"],
        request_id=row["request_id"],
        changes=[_change(field, change) for field, change in row["changes"].items()],
        history="" if row["object_type"] in {"route", "audit"} else history_url(row["object_type"], row["object_id"]),
    )


def _sentence(row: Row, named: Named) -> SafeString:
    pattern = _SENTENCES.get(row["action"])
    actor, about = _actor(row["actor"]), _object(row, named)
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


def _object(row: Row, named: Named) -> SafeString:
    kind, object_id = row["object_type"], row["object_id"]
    label = str(_TYPES.get(kind, kind))
    if kind == "ticket" and object_id in named.tickets:
        return format_html('<a class="link" href="/inbox/{}/">{} #{}</a>', object_id, label, named.tickets[object_id])
    known = {"user": named.users, "api_key": named.keys, "inbox": named.inboxes}.get(kind, {}).get(object_id)
    if known is None and kind == "api_key":
        known = _said(row["changes"], "name")
    if kind == "user" and known:
        return format_html("<b>{}</b>", known)
    return format_html("{} <b>{}</b>", label, known) if known else format_html("{}", label)


def _said(changes: Row, field: str) -> str:
    """What an entry itself calls something that is gone."""
    pair = changes.get(field)
    return str(next((value for value in reversed(pair) if value), "")) if isinstance(pair, list) else ""


def _change(field: str, change: Any) -> tuple[str, str, str]:  # Any: JSON
    label = str(_FIELDS.get(field, field))
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

"""Members, roles and teams as the settings pages show them."""

import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from shared_apps.accounts.models import User
from ui.faces import face

from tenant_apps.access import selectors
from tenant_apps.access.api.invitations import invitations_json
from tenant_apps.access.api.members import explanation_json, members_json, scope_of
from tenant_apps.access.models import Visibility
from tenant_apps.access.permissions import CATALOGUE, RoleDefinition
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.scopes import Scope
from tenant_apps.connectors.models import Inbox
from tenant_apps.organization import selectors as organization
from tenant_apps.tickets import selectors as tickets
from tenant_apps.tickets.models import Ticket
from tenant_apps.workspace.presenters.rows import CHANNEL_ICONS

VISIBILITIES: Final = {
    Visibility.ALL: gettext_lazy("All tickets"),
    Visibility.INBOX: gettext_lazy("Own, the teams', and those of inboxes with a role"),
    Visibility.TEAM: gettext_lazy("Own and those of their teams"),
    Visibility.OWN: gettext_lazy("Only tickets assigned to them"),
}
AREAS: Final = {
    "tickets": gettext_lazy("Tickets"),
    "messaging": gettext_lazy("Messages"),
    "contacts": gettext_lazy("Contacts"),
    "connectors": gettext_lazy("Inboxes"),
    "organization": gettext_lazy("Teams and colleagues"),
    "events": gettext_lazy("Live updates"),
    "access": gettext_lazy("Members and security"),
    "intake": gettext_lazy("Inbound messages"),
    "audit": gettext_lazy("Audit log"),
}
_REASONS: Final = {
    "held": gettext_lazy("Yes: a role of theirs holds it."),
    "within-reach": gettext_lazy("Yes: this ticket is within the reach of their roles."),
    "out-of-reach": gettext_lazy("No: a role holds it, but does not reach this ticket."),
    "no-role": gettext_lazy("No: none of their roles holds it."),
    "only-in-a-scope": gettext_lazy("No: this right counts only where a role is held for the whole organization."),
    "inactive": gettext_lazy("No: their access has ended."),
}
_WAYS: Final = {
    "everywhere": gettext_lazy("reaches all tickets"),
    "own": gettext_lazy("the ticket is assigned to them"),
    "team": gettext_lazy("by the ticket's team"),
    "inbox": gettext_lazy("by the ticket's inbox"),
    "share": gettext_lazy("the ticket was shared with them"),
    "": gettext_lazy("held"),
}


def scope_from(value: str) -> tuple[str, Scope | None]:
    """The scope a form's choice names: `team:<id>`, `inbox:<id>`, or nothing for the whole organization. Raises ValidationProblem."""
    if not value:
        return "", None
    kind, _sign, key = value.partition(":")
    try:
        public_id = uuid.UUID(key)
    except ValueError:
        public_id = None
    if kind not in {"team", "inbox"} or public_id is None:
        raise ValidationProblem([FieldError("/scope", "unknown", _("There is nothing with this id"))])
    return scope_of(kind, public_id)


def members_context(search: str, cursor: str) -> dict[str, Any]:  # Any: template context
    """A page of members with their roles in words, the open invitations, and what can be chosen."""
    page = selectors.member_page(search=search, cursor=cursor, limit=30)
    loaded = {user.pk: user for user in selectors.members().filter(pk__in=[row["id"] for row in page.rows])}
    roles = role_definitions()
    rows = members_json([loaded[row["id"]] for row in page.rows])
    query = {"search": search} if search else {}
    return {
        "rows": [
            {**row, "face": face(row["name"], row["id"]), "roles": [_role_words(held, roles) for held in row["roles"]]} for row in rows
        ],
        "invitations": [{**row, **_role_words(row, roles)} for row in invitations_json()],
        "search": search,
        "next_url": f"/settings/members/?{urlencode({**query, 'cursor': page.next})}" if page.next else "",
        "previous_url": f"/settings/members/?{urlencode({**query, 'cursor': page.previous})}" if page.previous else "",
        **_choices(roles),
    }


def member_context(user: User, *, code: str, number: str) -> dict[str, Any]:  # Any: template context
    """One member. Raises ValidationProblem where the explanation asks for what does not exist."""
    roles = role_definitions()
    shown = members_json([user])[0]
    counts = tickets.view_counts(user)
    return {
        "person": user,
        "person_face": face(user.name, user.public_id),
        "held": [{**row, **_role_words(row, roles)} for row in shown["roles"]],
        "teams": [team.name for team in organization.teams().filter(members=user)],
        "successors": [agent for agent in organization.agents() if agent.pk != user.pk],
        "permissions": [(entry.code, entry.text) for entry in CATALOGUE.values()],
        "asked": code,
        "asked_number": number,
        "explanation": _explained(user, code, number) if code else None,
        "open_count": counts["open"],
        "seen": [
            {"row": row, "icon": CHANNEL_ICONS.get(row["connector"], "mail")}
            for row in tickets.ticket_page(user, wanted=tickets.TicketFilter(view="open"), limit=8).rows
        ]
        if user.is_active
        else [],
        **_choices(roles),
    }


def role_rows() -> list[dict[str, Any]]:  # Any: template context
    """All roles with how many hold them."""
    counts = selectors.holders_by_role()
    return [
        {
            "role": role,
            "members": counts.get(role.key, 0),
            "visibility": VISIBILITIES[Visibility(role.visibility)],
            "rights": len(role.codes),
        }
        for role in role_definitions().values()
    ]


def matrix(chosen: frozenset[str], granted: frozenset[str]) -> list[dict[str, Any]]:  # Any: template context
    """The catalogue by area: what the role holds, and what the editor may not change because they lack it."""
    areas: dict[str, list[dict[str, Any]]] = {}
    for entry in CATALOGUE.values():
        needs = [CATALOGUE[need].text for need in entry.needs]
        areas.setdefault(entry.area, []).append(
            {"entry": entry, "is_chosen": entry.code in chosen, "is_locked": entry.code not in granted, "needs": needs}
        )
    return [{"name": AREAS.get(area, area), "rows": rows} for area, rows in areas.items()]


def scope_choices() -> list[tuple[str, str]]:
    """The teams and inboxes that a role can be given for."""
    scopes = [(f"team:{team.public_id}", gettext("Team: %(name)s") % {"name": team.name}) for team in organization.teams()]
    scopes += [
        (f"inbox:{inbox.public_id}", gettext("Inbox: %(name)s") % {"name": inbox.name}) for inbox in Inbox.objects.order_by("name", "id")
    ]
    return scopes


def _choices(roles: dict[str, RoleDefinition]) -> dict[str, Any]:  # Any: template context
    return {"role_choices": [(role.key, role.name) for role in roles.values()], "scope_choices": scope_choices()}


def _role_words(held: dict[str, Any], roles: dict[str, RoleDefinition]) -> dict[str, Any]:  # Any: template context
    """A held role in words: its name, and where it holds if not everywhere."""
    name = str(roles[held["role"]].name) if held["role"] in roles else held["role"]
    return {"role_name": name, "where": held["scope_name"], "scope_kind": held["scope_kind"]}


def _explained(user: User, code: str, number: str) -> dict[str, Any]:  # Any: template context
    ticket = None
    if number:
        digits = number.strip().removeprefix("#")
        ticket = Ticket.objects.filter(number=int(digits)).first() if digits.isascii() and digits.isdigit() and len(digits) < 18 else None
        if ticket is None:
            raise ValidationProblem([FieldError("/ticket", "unknown", _("There is no ticket with this number"))])
    answer = explanation_json(user.public_id, code, "ticket" if ticket else "", ticket.public_id if ticket else None)
    because = [{**reason, "way": _WAYS.get(reason["way"], reason["way"])} for reason in answer["because"]]
    return {"is_allowed": answer["is_allowed"], "words": _REASONS[answer["reason"]], "because": because}

"""How far a viewer's permissions reach over tickets: the one rule behind every list, detail, count, socket and write."""

import dataclasses
import uuid
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from kernel.permissions import require
from kernel.problems import NotAllowed
from shared_apps.accounts.models import User
from shared_apps.tenants.pinned import pinned_ids

from tenant_apps.access.explaining import EXPLAINED, Objects
from tenant_apps.access.models import Visibility
from tenant_apps.access.reach import SHARES, Access, Grant, Reach, access_of, role_definitions
from tenant_apps.access.selectors import NARROWINGS, reach_of
from tenant_apps.messaging.models import Message
from tenant_apps.tickets.models import Ticket, TicketConversation, TicketUserObjectPermission

READ, WRITE, SHARE, EXPORT = "tickets.ticket.read", "tickets.ticket.write", "tickets.ticket.share", "tickets.ticket.export"
VIEW_SHARE, CHANGE_SHARE = "view_ticket", "change_ticket"
_SEEING: Final = frozenset({READ, "messaging.message.read"})
_MODEL: Final = "tickets.ticket"


@cache
def share_id(codename: str) -> int:
    """The pinned id of a share's permission, the same in every schema."""
    return pinned_ids()["permissions"][f"tickets.{codename}"]


def shares_for(code: str) -> list[int]:
    """The kinds of share that carry a permission: either one for seeing, the stronger one for the rest. Sharing on is not shared."""
    if code == SHARE:
        return []
    return [share_id(name) for name in ((VIEW_SHARE, CHANGE_SHARE) if code in _SEEING else (CHANGE_SHARE,))]


@SHARES.register(_MODEL)
def _shares_of(user_id: int) -> dict[int, str]:
    found: dict[int, list[str]] = {}
    for permission, ticket in TicketUserObjectPermission.objects.filter(user_id=user_id).values_list("permission_id", "content_object_id"):
        found.setdefault(permission, []).append(str(ticket))
    return {permission: ",".join(tickets) for permission, tickets in found.items()}


def within(viewer: Any, code: str) -> Q:  # Any: user or AnyViewer
    """The condition on tickets for which the viewer holds the permission."""
    reach = reach_of(viewer, code)
    if reach.is_everywhere:
        return Q()
    if reach.is_nowhere:
        return Q(pk__in=[])
    condition = Q(pk__any_of=access_of(viewer).shared(_MODEL, shares_for(code)))
    if reach.is_own:
        condition |= Q(assignee_id=viewer.pk)
    if reach.teams:
        condition |= Q(team_id__in=reach.teams)
    if reach.inboxes:
        links = TicketConversation.objects.filter(ticket=OuterRef("pk"), conversation__inbox_id__in=reach.inboxes)
        condition |= Q(Exists(links))
    return condition


def tickets_visible_to(viewer: Any, code: str = READ) -> "QuerySet[Ticket]":  # Any: user or AnyViewer
    """The tickets for which the viewer holds the permission."""
    return Ticket.objects.filter(within(viewer, code))


def require_on_ticket(viewer: Any, code: str, ticket: Ticket) -> None:  # Any: the user
    """Raises NotAllowed where the viewer sees the ticket and may not do this to it."""
    require(viewer, code)
    if not reach_of(viewer, code).is_everywhere and not tickets_visible_to(viewer, code).filter(pk=ticket.pk).exists():
        raise NotAllowed


# --- the same rule for events: one look at many tickets, then no query for each viewer ---------------------------------
@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """Where a ticket stands, as far as the rule asks."""

    ticket: uuid.UUID
    assignee: int | None
    team: int | None
    inboxes: frozenset[int]
    viewers: frozenset[int]


def covers(reach: Reach, viewer_id: int, place: Placement) -> bool:
    """Whether a reach for seeing takes in a ticket; says the same as `within`."""
    if reach.is_everywhere:
        return True
    if reach.is_nowhere:
        return False
    is_own = reach.is_own and place.assignee == viewer_id
    return is_own or place.team in reach.teams or bool(place.inboxes & reach.inboxes) or viewer_id in place.viewers


def placements(
    *, tickets: Collection[uuid.UUID], messages: Collection[uuid.UUID], conversations: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[Placement]]:
    """For each of these public ids the tickets it belongs to: five queries at most, however many ids."""
    owners: dict[uuid.UUID, set[int]] = {}
    for public_id, key in Ticket.objects.filter(public_id__in=tickets).values_list("public_id", "pk"):
        owners.setdefault(public_id, set()).add(key)
    if messages:
        rows = Message.objects.filter(public_id__in=messages, conversation__ticket_links__isnull=False)
        for public_id, key in rows.values_list("public_id", "conversation__ticket_links__ticket_id"):
            owners.setdefault(public_id, set()).add(key)
    if conversations:
        links = TicketConversation.objects.filter(conversation__public_id__in=conversations)
        for public_id, key in links.values_list("conversation__public_id", "ticket_id"):
            owners.setdefault(public_id, set()).add(key)
    places = _placed({key for keys in owners.values() for key in keys})
    return {public_id: [places[key] for key in keys if key in places] for public_id, keys in owners.items()}


def _placed(keys: Iterable[int]) -> dict[int, Placement]:
    keys = list(keys)
    inboxes: dict[int, set[int]] = {}
    for key, inbox in TicketConversation.objects.filter(ticket_id__in=keys).values_list("ticket_id", "conversation__inbox_id"):
        inboxes.setdefault(key, set()).add(inbox)
    viewers: dict[int, set[int]] = {}
    shares = TicketUserObjectPermission.objects.filter(content_object_id__in=keys, permission_id__in=shares_for(READ))
    for key, user in shares.values_list("content_object_id", "user_id"):
        viewers.setdefault(key, set()).add(user)
    return {
        key: Placement(public_id, assignee, team, frozenset(inboxes.get(key, ())), frozenset(viewers.get(key, ())))
        for key, public_id, assignee, team in Ticket.objects.filter(pk__in=keys).values_list("pk", "public_id", "assignee_id", "team_id")
    }


def reasons(user: User, code: str, access: Access, ticket: Ticket) -> list[dict[str, Any]]:  # Any: JSON
    """Each way by which the user's reach takes in the ticket."""
    reach, roles = access.reach(code), role_definitions()
    inboxes = set(TicketConversation.objects.filter(ticket=ticket).values_list("conversation__inbox_id", flat=True))
    found: list[dict[str, Any]] = []
    for grant in access.grants:
        if code not in grant.codes:
            continue
        ways = {
            "everywhere": not grant.scope_kind and grant.visibility == Visibility.ALL,
            "own": not grant.scope_kind and reach.is_own and ticket.assignee_id == user.pk,
            "team": ticket.team_id is not None
            and ticket.team_id in ({grant.scope_id} if grant.scope_kind == "team" else _teams_of(grant, access)),
            "inbox": grant.scope_id in inboxes
            if grant.scope_kind == "inbox"
            else not grant.scope_kind and bool(_inboxes_of(grant, access) & inboxes),
        }
        named = {"role": grant.role, "role_name": roles[grant.role].name, "scope_kind": grant.scope_kind, "scope_id": grant.scope_id}
        found += [{**named, "visibility": grant.visibility, "way": way} for way, holds in ways.items() if holds]
    if TicketUserObjectPermission.objects.filter(user=user, content_object=ticket, permission_id__in=shares_for(code)).exists():
        found.append({"way": "share"})
    return found


def _teams_of(grant: Grant, access: Access) -> frozenset[int]:
    return access.teams if not grant.scope_kind and grant.visibility in {Visibility.TEAM, Visibility.INBOX} else frozenset()


def _inboxes_of(grant: Grant, access: Access) -> set[int]:
    return {other.scope_id for other in access.grants if other.scope_kind == "inbox"} if grant.visibility == Visibility.INBOX else set()


EXPLAINED.register("ticket")(
    Objects(find=lambda public_id: Ticket.objects.filter(public_id=public_id).first(), visible=tickets_visible_to, reasons=reasons)
)


# --- what lower apps ask: conversations and contacts are seen with their tickets ---------------------------------------
@NARROWINGS.register("messaging.conversation")
def conversations_within(viewer: Any, code: str) -> Q:  # Any: user or AnyViewer
    """Conversations of tickets within reach."""
    return Q(Exists(TicketConversation.objects.filter(conversation=OuterRef("pk"), ticket__in=tickets_visible_to(viewer, code))))


@NARROWINGS.register("contacts.contact")
def contacts_within(viewer: Any, code: str) -> Q:  # Any: user or AnyViewer
    """Contacts who asked for a ticket within reach."""
    return Q(Exists(tickets_visible_to(viewer, code).filter(requester=OuterRef("pk"))))

"""Which events of the log a user may see, and reading them for sockets and the API."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kernel.events import StoredEvent
from shared_apps.events.log import last_seq
from shared_apps.events.selectors import events_between, oldest_seq

from tenant_apps.access.reach import Access, access_of
from tenant_apps.organization.selectors import teams
from tenant_apps.tickets.reach import Placement, covers, placements

NEEDED: Final = {
    "ticket": "tickets.ticket.read",
    "message": "messaging.message.read",
    "conversation": "messaging.message.read",
    "contact": "contacts.contact.read",
    "api_key": "access.apikey.manage",
    "user": "organization.member.read",
    "invitation": "access.member.manage",
}
OF_TICKETS: Final = frozenset({"ticket", "message", "conversation"})
"""Aggregates that are seen with their tickets. A contact's events are for those who see every ticket."""
BATCH = 500
Places = Mapping[uuid.UUID, Sequence[Placement]]


def sees_everything(access: Access) -> bool:
    """Whether no event needs a look at where its ticket stands."""
    return all(code not in access.codes or access.reach(code).is_everywhere for code in ("tickets.ticket.read", "messaging.message.read"))


def may_see(user_id: int, access: Access, event: StoredEvent, places: Places) -> bool:
    """Whether someone with this access may see the event; an unknown aggregate is seen by nobody."""
    needed = NEEDED.get(event.aggregate_type)
    if needed is None or needed not in access.codes:
        return False
    if event.aggregate_type == "contact":
        return access.sees_all_tickets
    if event.aggregate_type not in OF_TICKETS:
        return True
    reach = access.reach(needed)
    return reach.is_everywhere or any(covers(reach, user_id, place) for place in places.get(event.aggregate_id, ()))


def has_lost(user_id: int, access: Access, event: StoredEvent, places: Places, teams_by_id: Mapping[str, int]) -> bool:
    """Whether the event took a ticket out of the user's reach: its row must go from their list."""
    changes: Any = event.data.get("changes") if event.type == "ticket.updated" else None
    if not isinstance(changes, dict) or not {"team", "assignee"} & changes.keys() or "tickets.ticket.read" not in access.codes:
        return False
    was_in_team = "team" in changes and teams_by_id.get(str(changes["team"][0])) in access.reach("tickets.ticket.read").teams
    was_mine = "assignee" in changes and changes["assignee"][0] == access.user
    return (was_in_team or was_mine) and not may_see(user_id, access, event, places)


def places_of(events: Iterable[StoredEvent]) -> dict[uuid.UUID, list[Placement]]:
    """Where the tickets behind these events stand now."""
    by_kind: dict[str, set[uuid.UUID]] = {kind: set() for kind in OF_TICKETS}
    for event in events:
        if event.aggregate_type in by_kind:
            by_kind[event.aggregate_type].add(event.aggregate_id)
    return placements(tickets=by_kind["ticket"], messages=by_kind["message"], conversations=by_kind["conversation"])


def team_keys() -> dict[str, int]:
    """The teams' keys by public id, as events name them."""
    return {str(public_id): key for public_id, key in teams().values_list("public_id", "pk")}


def events_visible_to(user: Any, events: Iterable[StoredEvent]) -> list[StoredEvent]:  # Any: the user
    """The events of these that the user may see."""
    access, listed = access_of(user), list(events)
    places: Places = {} if sees_everything(access) else places_of(listed)
    return [event for event in listed if may_see(user.pk, access, event, places)]


def read_log(after: int, upto: int | None = None, limit: int = BATCH) -> list[StoredEvent]:
    """The next events of the tenant in scope."""
    return events_between(after, upto, limit=limit)


def newest_seq() -> int:
    """The last sequence number of the tenant in scope."""
    return last_seq()


def is_too_old(since: int) -> bool:
    """Whether events after `since` are gone already, so that a client must start anew."""
    oldest = oldest_seq()
    return oldest > 0 and since < oldest - 1

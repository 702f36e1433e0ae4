"""Which events of the log a user may see, and reading them for sockets and the API."""

from collections.abc import Iterable
from typing import Any

from kernel.events import StoredEvent
from shared_apps.events.log import last_seq
from shared_apps.events.selectors import events_between, oldest_seq

from tenant_apps.access.selectors import permissions_of

NEEDED = {
    "ticket": "tickets.ticket.read",
    "message": "messaging.message.read",
    "conversation": "messaging.message.read",
    "contact": "contacts.contact.read",
    "api_key": "access.apikey.manage",
    "user": "organization.member.read",
    "invitation": "access.apikey.manage",
}
BATCH = 500


def may_see(permissions: frozenset[str], event: StoredEvent) -> bool:
    """Whether someone with these permissions may see the event; an unknown aggregate is seen by nobody."""
    needed = NEEDED.get(event.aggregate_type)
    return needed is not None and needed in permissions


def events_visible_to(user: Any, events: Iterable[StoredEvent]) -> list[StoredEvent]:  # Any: the user
    """The events of these that the user may see."""
    permissions = permissions_of(user)
    return [event for event in events if may_see(permissions, event)]


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

"""The catalogue of permission codes and the built-in roles that hold them."""

from typing import Final

from tenant_apps.access.models import Role

_AGENT: Final = frozenset(
    {
        "tickets.ticket.read",
        "tickets.ticket.write",
        "messaging.message.read",
        "messaging.message.send",
        "contacts.contact.read",
        "connectors.inbox.read",
        "organization.member.read",
        "events.event.read",
    }
)
_ADMIN: Final = _AGENT | {
    "access.apikey.manage",
    "access.isolation.read",
    "audit.entry.read",
    "audit.entry.export",
    "connectors.inbox.manage",
    "intake.event.manage",
}

CATALOGUE: Final[dict[str, str]] = {
    "tickets.ticket.read": "See tickets",
    "tickets.ticket.write": "Create and change tickets",
    "messaging.message.read": "Read conversations",
    "messaging.message.send": "Answer and write notes",
    "contacts.contact.read": "See contacts",
    "connectors.inbox.read": "See inboxes",
    "connectors.inbox.manage": "Set up inboxes and their secrets",
    "organization.member.read": "See teams and colleagues",
    "events.event.read": "Follow the event log",
    "access.apikey.manage": "Create and revoke API keys",
    "access.isolation.read": "See how the organization is kept apart from others",
    "audit.entry.read": "See who did what in the organization",
    "audit.entry.export": "Take audit entries out as a file",
    "intake.event.manage": "Inspect inbound messages and run parked ones again",
}
ROLE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {Role.OWNER: frozenset(_ADMIN), Role.ADMIN: frozenset(_ADMIN), Role.AGENT: _AGENT}

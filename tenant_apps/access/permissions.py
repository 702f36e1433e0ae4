"""The catalogue of permission codes and the system roles that hold them."""

import dataclasses
import enum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenant_apps.access.models import SystemRole, Visibility


class Kind(enum.StrEnum):
    """How far a code goes: `object` codes by scope and visibility, `shared` ones with any assignment, `tenant` ones only tenant-wide."""

    OBJECT = "object"
    SHARED = "shared"
    TENANT = "tenant"


@dataclasses.dataclass(frozen=True, slots=True)
class Permission:
    """One right. `needs` are the codes without which it is of no use."""

    code: str
    text: Promise
    kind: Kind
    needs: tuple[str, ...] = ()

    @property
    def area(self) -> str:
        """The first part of the code."""
        return self.code.partition(".")[0]


_ALL: Final = (
    Permission("tickets.ticket.read", _("See tickets"), Kind.OBJECT),
    Permission("tickets.ticket.write", _("Create and change tickets"), Kind.OBJECT, ("tickets.ticket.read",)),
    Permission("tickets.ticket.share", _("Share single tickets with colleagues"), Kind.OBJECT, ("tickets.ticket.read",)),
    Permission("tickets.ticket.export", _("Take tickets out as a file"), Kind.OBJECT, ("tickets.ticket.read",)),
    Permission("messaging.message.read", _("Read conversations"), Kind.OBJECT, ("tickets.ticket.read",)),
    Permission("messaging.message.send", _("Answer customers"), Kind.OBJECT, ("messaging.message.read",)),
    Permission("messaging.note.write", _("Write internal notes"), Kind.OBJECT, ("messaging.message.read",)),
    Permission("contacts.contact.read", _("See contacts"), Kind.SHARED),
    Permission("connectors.inbox.read", _("See inboxes"), Kind.SHARED),
    Permission("organization.member.read", _("See teams and colleagues"), Kind.SHARED),
    Permission("events.event.read", _("Follow the event log"), Kind.SHARED),
    Permission("connectors.inbox.manage", _("Set up inboxes and their secrets"), Kind.TENANT, ("connectors.inbox.read",)),
    Permission("organization.team.manage", _("Create teams and choose their members"), Kind.TENANT, ("organization.member.read",)),
    Permission("access.member.manage", _("Give and take roles, deactivate members"), Kind.TENANT, ("organization.member.read",)),
    Permission("access.role.manage", _("Create and change roles"), Kind.TENANT, ("organization.member.read",)),
    Permission("access.apikey.manage", _("Create and revoke API keys"), Kind.TENANT),
    Permission("access.sign_in.manage", _("Set up single sign-on"), Kind.TENANT),
    Permission("access.isolation.read", _("See how the organization is kept apart from others"), Kind.TENANT),
    Permission("audit.entry.read", _("See who did what in the organization"), Kind.TENANT),
    Permission("audit.entry.export", _("Take audit entries out as a file"), Kind.TENANT, ("audit.entry.read",)),
    Permission("audit.retention.manage", _("Decide how long audit entries are kept"), Kind.TENANT, ("audit.entry.read",)),
    Permission("intake.event.manage", _("Inspect inbound messages and run parked ones again"), Kind.TENANT),
)
CATALOGUE: Final[dict[str, Permission]] = {permission.code: permission for permission in _ALL}


@dataclasses.dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role as it counts: its codes, and how many tickets a tenant-wide assignment reaches."""

    key: str
    name: str | Promise
    description: str | Promise
    codes: frozenset[str]
    visibility: Visibility
    is_system: bool
    version: int = 1


_SHARED: Final = frozenset(code for code, permission in CATALOGUE.items() if permission.kind is Kind.SHARED)
_VIEWER: Final = _SHARED | {"tickets.ticket.read", "messaging.message.read"}
_LIGHT: Final = _VIEWER | {"messaging.note.write"}
_AGENT: Final = _LIGHT | {"tickets.ticket.write", "messaging.message.send"}
_SUPERVISOR: Final = _AGENT | {"tickets.ticket.share", "tickets.ticket.export", "organization.team.manage", "intake.event.manage"}

SYSTEM_ROLES: Final[dict[str, RoleDefinition]] = {
    role.key: role
    for role in (
        RoleDefinition(
            SystemRole.OWNER, _("Owner"), _("Everything, and decides who else is an owner"), frozenset(CATALOGUE), Visibility.ALL, True
        ),
        RoleDefinition(SystemRole.ADMIN, _("Admin"), _("Everything but the owners"), frozenset(CATALOGUE), Visibility.ALL, True),
        RoleDefinition(
            SystemRole.SUPERVISOR, _("Supervisor"), _("Answers, shares tickets, looks after teams"), _SUPERVISOR, Visibility.ALL, True
        ),
        RoleDefinition(SystemRole.AGENT, _("Agent"), _("Answers customers and changes tickets"), _AGENT, Visibility.ALL, True),
        RoleDefinition(SystemRole.LIGHT_AGENT, _("Light agent"), _("Reads along and writes notes"), _LIGHT, Visibility.ALL, True),
        RoleDefinition(SystemRole.VIEWER, _("Viewer"), _("Reads and changes nothing"), _VIEWER, Visibility.ALL, True),
    )
}


def missing_needs(codes: frozenset[str]) -> dict[str, list[str]]:
    """For each code of the set, what it needs and the set lacks."""
    return {code: lacking for code in sorted(codes) if (lacking := [need for need in CATALOGUE[code].needs if need not in codes])}

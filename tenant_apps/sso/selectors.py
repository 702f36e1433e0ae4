"""Reads of connections and of what they say about somebody."""

import dataclasses
import uuid
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import QuerySet
from kernel.api.pagination import DEFAULT_LIMIT
from shared_apps.accounts.models import User
from shared_apps.audit import selectors as audit

from tenant_apps.access.models import RoleAssignment, SystemRole
from tenant_apps.access.scopes import SCOPES, Scope
from tenant_apps.sso.models import OPEN_STATES, Connection, ConnectionDomain, ConnectionState, GroupRole

MANAGE: Final = "access.sign_in.manage"
REFUSED: Final = "sso.refuse"
BREAK_GLASS: Final = "sso.break_glass"
OBJECT: Final = "sso_connection"


@dataclasses.dataclass(frozen=True, slots=True)
class Mapping:
    """A group of the provider's and the role its people get."""

    group: str
    role: str
    scope_kind: str = ""
    scope: Scope | None = None

    @property
    def place(self) -> tuple[str, str, int]:
        """What is given, and where."""
        return self.role, self.scope_kind, self.scope.id if self.scope else 0


def connections() -> "QuerySet[Connection]":
    """All connections with their domains, the oldest first."""
    return Connection.objects.prefetch_related("domains").order_by("created_at", "id")


def connection(public_id: uuid.UUID) -> Connection | None:
    """One of them."""
    return connections().filter(public_id=public_id).first()


def open_connections() -> "QuerySet[Connection]":
    """Those through which members sign in."""
    return Connection.objects.filter(state__in=OPEN_STATES).order_by("created_at", "id")


def is_enforced() -> bool:
    """Whether passwords sign in nobody but owners."""
    return Connection.objects.filter(state=ConnectionState.ENFORCED).exists()


def domains_of(found: Connection) -> "QuerySet[ConnectionDomain]":
    """The domains of a connection, proven or not, by name."""
    return found.domains.order_by("domain", "id")


def is_trusted_domain(found: Connection, domain: str) -> bool:
    """Whether the connection speaks for exactly this e-mail domain; a part of its name does not count."""
    return found.domains.filter(domain=domain, verified_at__isnull=False).exists()


def mappings_of(found: Connection) -> list[Mapping]:
    """What the groups give, by group; without what was given in a scope that is gone."""
    rows = list(GroupRole.objects.filter(connection=found).order_by("group", "role", "scope_kind", "scope_id"))
    scopes = {kind: _named(kind, rows) for kind in {row.scope_kind for row in rows if row.scope_kind}}
    mapped = [Mapping(row.group, row.role, row.scope_kind, scopes.get(row.scope_kind, {}).get(row.scope_id)) for row in rows]
    return [mapping for mapping in mapped if mapping.scope or not mapping.scope_kind]


def owners() -> "QuerySet[User]":
    """The people who own the tenant and may sign in."""
    held = RoleAssignment.objects.filter(role=SystemRole.OWNER, scope_kind="").values("user_id")
    return User.objects.filter(pk__in=held, is_active=True, is_service=False)


def is_owner(user: Any) -> bool:  # Any: the user of a request
    """Whether the user owns the tenant."""
    return owners().filter(pk=user.pk).exists()


def recent_refusals(found: Connection, limit: int = 8) -> list[dict[str, Any]]:  # Any: column values
    """The latest sign-ins through the connection that came to nothing, as the audit trail has them."""
    return _entries(audit.Wanted(action=REFUSED, object_id=found.public_id), limit)


def recent_break_glass(limit: int = 5) -> list[dict[str, Any]]:  # Any: column values
    """The latest sign-ins of owners by password while single sign-on was enforced."""
    return _entries(audit.Wanted(action=BREAK_GLASS), limit)


def _entries(wanted: audit.Wanted, limit: int) -> list[dict[str, Any]]:  # Any: column values
    return list(audit.audit_page(wanted, limit=min(limit, DEFAULT_LIMIT)).rows)


def _named(kind: str, rows: Iterable[GroupRole]) -> dict[int, Scope]:
    known = SCOPES.find(kind)
    return known.named({row.scope_id for row in rows if row.scope_kind == kind}) if known else {}

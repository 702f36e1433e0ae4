"""Roles by groups: what the provider says today is brought in line, and only what a connection itself gave is ever taken."""

from typing import Any, Final

from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.errors import LastOwner
from tenant_apps.access.models import RoleAssignment, SystemRole
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.scopes import Scope
from tenant_apps.access.services.assignments import bump_access_version, check_not_last_owner, give, take
from tenant_apps.sso.models import Connection, GivenRole
from tenant_apps.sso.selectors import Mapping, mappings_of

MOST_GROUPS: Final = 1000
Place = tuple[str, str, int]


def groups_in(connection: Connection, claims: dict[str, Any]) -> list[str]:  # Any: JSON
    """The groups that the provider names, as plain texts."""
    found = claims.get(connection.group_claim) if connection.group_claim else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [group for group in listed[:MOST_GROUPS] if isinstance(group, str)]


def mapped(connection: Connection, groups: list[str]) -> list[Mapping]:
    """What these groups give; a role that is gone gives nothing."""
    roles, named = role_definitions(), set(groups)
    return [mapping for mapping in mappings_of(connection) if mapping.group in named and mapping.role in roles]


@unit_of_work
def align_roles(*, connection: Connection, user: User, groups: list[str]) -> None:
    """Gives what the groups give and takes what this connection gave and they no longer do. The last owner stays one."""
    wanted = _wanted(connection, groups)
    if _given(connection, user).keys() <= wanted.keys() <= _held(user):
        return
    bump_access_version()
    given = _given(connection, user)
    for place in given.keys() - wanted.keys():
        _take_back(connection, given[place].assignment)
    for role, kind, scope_id in sorted(wanted.keys() - given.keys()):
        _hand_out(connection, user, role, kind, wanted[role, kind, scope_id])


def _wanted(connection: Connection, groups: list[str]) -> dict[Place, Scope | None]:
    return {mapping.place: mapping.scope for mapping in mapped(connection, groups)}


def _given(connection: Connection, user: User) -> dict[Place, GivenRole]:
    rows = GivenRole.objects.filter(connection=connection, assignment__user=user).select_related("assignment__user")
    return {(row.assignment.role, row.assignment.scope_kind, row.assignment.scope_id): row for row in rows}


def _held(user: User) -> set[Place]:
    return set(RoleAssignment.objects.filter(user=user).values_list("role", "scope_kind", "scope_id"))


def _hand_out(connection: Connection, user: User, role: str, kind: str, scope: Scope | None) -> None:
    """What somebody has given by hand already stays theirs to take."""
    place = {"user": user, "role": role, "scope_kind": kind, "scope_id": scope.id if scope else 0}
    if RoleAssignment.objects.filter(**place).exists():
        return
    GivenRole.objects.create(connection=connection, assignment=give(user, role, kind, scope))


def _take_back(connection: Connection, row: RoleAssignment) -> None:
    if row.role == SystemRole.OWNER and not row.scope_kind:
        try:
            check_not_last_owner(row.user)
        except LastOwner:
            changes = {"role": [row.role, row.role], "connection": [None, str(connection.public_id)]}
            record_audit(action="sso.keep_last_owner", object_type="user", object_id=row.user.public_id, changes=changes, outcome="refused")
            return
    take(row)

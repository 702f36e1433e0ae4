"""Connections: set up, changed, switched on and off. Whoever edits one gives by it no role that they lack."""

from typing import Final

from django.utils.translation import gettext as _
from kernel import crypto, tenancy
from kernel.clock import now
from kernel.problems import FieldError, NotFound, StaleVersion, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.models import SystemRole
from tenant_apps.access.permissions import SYSTEM_ROLES
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.services.assignments import access_of_now, bump_access_version, check_may_grant
from tenant_apps.sso.errors import ConnectionNotTested, NoBreakGlass
from tenant_apps.sso.models import Connection, ConnectionState, GroupRole
from tenant_apps.sso.selectors import OBJECT, Mapping, is_owner, mappings_of, owners
from tenant_apps.sso.services.values import ConnectionValues, check_values

MOST_CONNECTIONS: Final = 20
_CONFIGURING: Final = ("issuer", "client_id")
_TRUSTING: Final = ("is_email_authoritative", "is_creating_users", "is_second_step_trusted")


def create_connection(*, by: User, values: ConnectionValues) -> Connection:
    """A new connection, as a draft. Raises ValidationProblem, and MayNotGrant for roles that `by` could not give.

    The issuer's name is looked up, so this is nothing for a transaction.
    """
    check_values(values)
    return _create(by=by, values=values)


def update_connection(*, by: User, connection: Connection, values: ConnectionValues, expected_version: int | None = None) -> Connection:
    """Changes a connection; another issuer, client or secret makes it a draft again. Raises what `create_connection` raises,
    StaleVersion, and MayNotGrant where the connection signs people in and `by` lacks what admins have.
    """
    check_values(values)
    return _update(by=by, connection=connection, values=values, expected_version=expected_version)


@unit_of_work
def _create(*, by: User, values: ConnectionValues) -> Connection:
    bump_access_version()
    if Connection.objects.count() >= MOST_CONNECTIONS:
        raise ValidationProblem([FieldError("/name", "too-many", _("There are as many connections as there can be"))])
    _check_grants(by, values, [], "")
    connection = Connection(**values.columns())
    _keep_secret(connection, values.client_secret or "")
    connection.save()
    _store(connection, values.mappings)
    changes: dict[str, list[object]] = {name: [None, value] for name, value in values.columns().items()}
    changes["group_roles"] = [None, _described(values.mappings)]
    record_audit(action="sso.create", object_type=OBJECT, object_id=connection.public_id, changes=changes)
    return connection


@unit_of_work
def _update(*, by: User, connection: Connection, values: ConnectionValues, expected_version: int | None) -> Connection:
    bump_access_version()
    row = locked(connection)
    if expected_version is not None and expected_version != row.version:
        raise StaleVersion(version=row.version)
    held, wanted = mappings_of(row), values.columns()
    if row.is_open:
        check_may_open(by)
    _check_grants(by, values, held, row.default_role)
    changes: dict[str, list[object]] = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    if set(held) != set(values.mappings):
        changes["group_roles"] = [_described(held), _described(values.mappings)]
    if values.client_secret is not None and not _is_secret(row, values.client_secret):
        changes["client_secret"] = [str(row.secret_set_at or ""), "set"]
        _keep_secret(row, values.client_secret)
    if not changes:
        return row
    for name, value in wanted.items():
        setattr(row, name, value)
    _lower(by, row, changes)
    row.version += 1
    row.save()
    _store(row, values.mappings)
    record_audit(action="sso.update", object_type=OBJECT, object_id=row.public_id, changes=changes)
    return row


@unit_of_work
def delete_connection(*, by: User, connection: Connection) -> None:
    """Deletes a connection with its domains and identities. Roles that it gave stay; users without a password choose one by mail.

    Raises MayNotGrant where it signs people in and `by` lacks what admins have.
    """
    row = locked(connection)
    if row.is_open:
        check_may_open(by)
    record_audit(action="sso.delete", object_type=OBJECT, object_id=row.public_id, changes={"name": [row.name, None]})
    row.delete()


@unit_of_work
def set_state(*, by: User, connection: Connection, state: str) -> Connection:
    """Switches a connection on (`enabled`), makes it the only way in (`enforced`), or off (`tested`).

    Owners are let in by a connection only once an owner has switched it on. Raises ConnectionNotTested, NoBreakGlass where no owner has a
    password, MayNotGrant where `by` lacks what admins have, ValidationProblem for a state that nobody sets.
    """
    bump_access_version()
    row = locked(connection)
    if state not in {ConnectionState.TESTED, ConnectionState.ENABLED, ConnectionState.ENFORCED}:
        raise ValidationProblem([FieldError("/state", "unknown", _("This state is reached by a test, not by a choice"))])
    if row.state == ConnectionState.DRAFT:
        raise ConnectionNotTested
    check_may_open(by)
    is_by_owner = is_owner(by)
    if state == ConnectionState.ENFORCED and not any(owner.has_usable_password() for owner in owners()):
        raise NoBreakGlass
    is_approved = state != ConnectionState.TESTED and (is_by_owner or (row.is_open and row.is_owner_approved))
    changes = {"state": [row.state, state], "is_owner_approved": [row.is_owner_approved, is_approved]}
    if row.state == state and row.is_owner_approved == is_approved:
        return row
    row.state, row.is_owner_approved, row.version = ConnectionState(state), is_approved, row.version + 1
    row.save()
    record_audit(action="sso.set_state", object_type=OBJECT, object_id=row.public_id, changes=changes)
    return row


def check_may_open(by: User) -> None:
    """Raises MayNotGrant: a connection that signs people in signs in admins, so whoever opens one has what admins have."""
    check_may_grant(access_of_now(by), SYSTEM_ROLES[SystemRole.ADMIN], "")


def locked(connection: Connection) -> Connection:
    """The connection as it stands now, locked for the running unit of work. Raises NotFound."""
    row = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if row is None:
        raise NotFound
    return row


def secret_of(connection: Connection) -> str:
    """The client's secret in the clear: for the provider alone."""
    return crypto.unseal(connection.sealed_secret, context=_context(connection)).decode() if connection.sealed_secret else ""


def _check_grants(by: User, values: ConnectionValues, held: list[Mapping], held_default: str) -> None:
    """Nobody gives what they lack, and nobody takes it either: what is neither added nor removed is not asked about."""
    roles, giver, default = role_definitions(), access_of_now(by), values.default_role.strip()
    errors = []
    if default and (default not in roles or default == SystemRole.OWNER):
        errors.append(FieldError("/default_role", "unknown", _("There is no such role")))
    added = set(values.mappings) - set(held)
    if any(mapping.role not in roles or (mapping.scope_kind and mapping.scope is None) for mapping in added):
        errors.append(FieldError("/group_roles", "unknown", _("There is no such role or scope")))
    if errors:
        raise ValidationProblem(errors)
    asked = {(mapping.role, mapping.scope_kind) for mapping in set(values.mappings) ^ set(held)}
    asked |= {(role, "") for role in {default} ^ {held_default} if role}
    for role, kind in sorted(asked):
        if role in roles:
            check_may_grant(giver, roles[role], kind)


def _lower(by: User, row: Connection, changes: dict[str, list[object]]) -> None:
    """Another provider is another connection; and where somebody else than an owner changes whom it is trusted for, owners are left out."""
    if changes.keys() & {*_CONFIGURING, "client_secret"}:
        changes["state"] = [row.state, ConnectionState.DRAFT.value]
        row.state, row.is_owner_approved, row.last_test = ConnectionState.DRAFT, False, None
        row.configuration += 1
    elif changes.keys() & set(_TRUSTING) and row.is_owner_approved and not is_owner(by):
        changes["is_owner_approved"] = [True, False]
        row.is_owner_approved = False


def _store(connection: Connection, mappings: tuple[Mapping, ...]) -> None:
    GroupRole.objects.filter(connection=connection).delete()
    GroupRole.objects.bulk_create(
        GroupRole(connection=connection, group=mapping.group, role=role, scope_kind=kind, scope_id=scope_id)
        for mapping in mappings
        for role, kind, scope_id in [mapping.place]
    )


def _keep_secret(connection: Connection, secret: str) -> None:
    connection.sealed_secret = crypto.seal(secret.encode(), context=_context(connection)) if secret else ""
    connection.secret_set_at = now() if secret else None


def _is_secret(connection: Connection, secret: str) -> bool:
    return crypto.same(secret_of(connection), secret)


def _context(connection: Connection) -> str:
    return f"sso:{tenancy.current_tenant().id}:{connection.public_id}"


def _described(mappings: list[Mapping] | tuple[Mapping, ...]) -> list[str]:
    places = [(mapping, f" @ {mapping.scope_kind}:{mapping.scope.public_id}" if mapping.scope else "") for mapping in mappings]
    return sorted(f"{mapping.group} -> {mapping.role}{place}" for mapping, place in places)

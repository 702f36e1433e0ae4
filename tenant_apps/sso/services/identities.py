"""Whom a provider's claims mean: by subject, by a proven address, or somebody new."""

import re
from typing import Any, Final

from kernel.clock import now
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.events import UserJoined
from shared_apps.accounts.models import User
from shared_apps.accounts.selectors import has_proven_mailbox

from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.services import grant_role
from tenant_apps.sso.errors import SignInRefused
from tenant_apps.sso.models import Connection, Identity
from tenant_apps.sso.selectors import OBJECT, is_owner, is_trusted_domain
from tenant_apps.sso.services.connections import locked
from tenant_apps.sso.services.roles import align_roles, groups_in, mapped

_ADDRESS: Final = re.compile(r"[^@\s<>\"'\\,;]+@([a-z0-9.-]+)")
_SHOWN: Final = 200
_HIDDEN: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "sid", "jti", "access_token", "id_token", "refresh_token", "code"})


def sign_in(*, connection: Connection, claims: dict[str, Any]) -> User:  # Any: JSON
    """The user behind verified claims, with the roles that their groups give today.

    Raises SignInRefused. Roles that were taken stay taken even where somebody without any is then refused.
    """
    user = _find_or_create(connection=connection, claims=claims)
    align_roles(connection=connection, user=user, groups=groups_in(connection, claims))
    _note(connection=connection, user=user)
    return user


@unit_of_work
def _find_or_create(*, connection: Connection, claims: dict[str, Any]) -> User:  # Any: JSON
    """Links on the first time. Raises SignInRefused."""
    row = locked(connection)  # one at a time: two first visits make one user
    if not row.is_open:
        raise SignInRefused("connection-off")
    known = Identity.objects.filter(connection=row, subject=claims["sub"]).select_related("user").first()
    if known is not None:
        return _admitted(row, known.user)
    email = trusted_email(row, claims)
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    if user is None:
        user = _create(row, email, claims)
    else:
        _link(row, _admitted(row, user))
    identity = Identity.objects.create(connection=row, user=user, subject=claims["sub"])
    changes = {"connection": [None, str(row.public_id)], "identity": [None, str(identity.public_id)]}
    record_audit(action="sso.link", object_type="user", object_id=user.public_id, changes=changes)
    return user


@unit_of_work
def _note(*, connection: Connection, user: User) -> None:
    """Raises SignInRefused for somebody whose groups have left them no role at all."""
    if not RoleAssignment.objects.filter(user=user).exists():
        raise SignInRefused("no-role")
    Identity.objects.filter(connection=connection, user=user).update(last_used_at=now())
    changes = {"user": [None, str(user.public_id)]}
    record_audit(action="sso.sign_in", object_type=OBJECT, object_id=connection.public_id, changes=changes)


def trusted_email(connection: Connection, claims: dict[str, Any]) -> str:  # Any: JSON
    """The address, where provider and domain may both be believed. Raises SignInRefused."""
    email = str(claims.get("email") or "").strip().lower()
    found = _ADDRESS.fullmatch(email)
    if found is None or len(email) > 254:
        raise SignInRefused("email-missing")
    if claims.get("email_verified") is not True and not connection.is_email_authoritative:
        raise SignInRefused("email-unverified")
    if not is_trusted_domain(connection, found[1]):
        raise SignInRefused("domain-not-proven")
    return email


def preview(*, connection: Connection, claims: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """What a test shows: the claims without anything that could be used, and what a sign-in would make of them."""
    groups = groups_in(connection, claims)
    try:
        email, cause = trusted_email(connection, claims), ""
    except SignInRefused as refusal:
        email, cause = "", refusal.cause
    shown = {str(name)[:80]: _short(value) for name, value in list(claims.items())[:60] if name not in _HIDDEN}
    return {"claims": shown, "email": email, "cause": cause, "roles": sorted({mapping.role for mapping in mapped(connection, groups)})}


def _admitted(connection: Connection, user: User) -> User:
    """Raises SignInRefused for those whom no connection lets in."""
    if not user.is_active:
        raise SignInRefused("user-inactive")
    if user.is_service:
        raise SignInRefused("service-account")
    if not connection.is_owner_approved and is_owner(user):
        raise SignInRefused("owner-not-approved")
    return user


def _link(connection: Connection, user: User) -> None:
    """A password that its mailbox never proved may be somebody else's: it ends here, with all that it opened."""
    if Identity.objects.filter(connection=connection, user=user).exists():
        raise SignInRefused("already-linked")
    if not has_proven_mailbox(user):
        accounts.void_credentials(user=user)


def _create(connection: Connection, email: str, claims: dict[str, Any]) -> User:  # Any: JSON
    if not connection.is_creating_users:
        raise SignInRefused("not-a-member")
    default = connection.default_role if connection.default_role in role_definitions() else ""
    if not default and not mapped(connection, groups_in(connection, claims)):
        raise SignInRefused("no-role")
    user = accounts.create_user(email=email, name=_name(claims, email), password=None)
    if default:
        grant_role(user=user, role=default)
    record(UserJoined(aggregate_id=user.public_id, role=default))
    return user


def _name(claims: dict[str, Any], email: str) -> str:  # Any: JSON
    parts = [claims.get("name"), f"{claims.get('given_name') or ''} {claims.get('family_name') or ''}", email.partition("@")[0]]
    names = (" ".join(part.split())[:120] for part in parts if isinstance(part, str))
    return next(name for name in names if name)


def _short(value: Any) -> Any:  # Any: JSON
    if isinstance(value, list):
        return [_short(inner) for inner in value[:50]]
    if isinstance(value, dict):
        return {str(name)[:80]: str(inner)[:_SHOWN] for name, inner in list(value.items())[:20]}
    return value if isinstance(value, bool | int | float) or value is None else str(value)[:_SHOWN]

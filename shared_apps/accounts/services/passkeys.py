"""Passkeys: added, named, removed, and shown at sign-in or as a second step."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from kernel import limits
from kernel.actors import current_origin
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts import passkeys, second_step
from shared_apps.accounts.errors import InvalidPasskey
from shared_apps.accounts.models import User
from shared_apps.accounts.passkeys import Json, passkey_json
from shared_apps.accounts.services.gates import PASSWORD_GATES
from shared_apps.accounts.services.second_steps import PER_ADDRESS, lock_user, tell_of_second_step

MOST = 20
NAME_LENGTH = 60


def add_passkey(*, request: HttpRequest, user: User, credential: Json, name: str) -> tuple[Json, list[str]]:
    """The new passkey, and recovery codes where these are the user's first means. Raises ValidationProblem."""
    name = _checked(name)
    found = passkeys.added(request, credential)
    if found is None:
        raise ValidationProblem([FieldError("/credential", "invalid", _("This passkey does not fit, or it took too long"))])
    return _add(user=user, credential=found, name=name)


@unit_of_work
def _add(*, user: User, credential: Json, name: str) -> tuple[Json, list[str]]:
    lock_user(user)
    if len(passkeys.passkeys_of(user)) >= MOST:
        raise ValidationProblem([FieldError("/name", "too_many", _("Remove a passkey first: these are as many as one can have"))])
    is_first = not second_step.is_enabled(user)
    row = passkeys.store(user, credential, name)
    codes = second_step.renew_recovery_codes(user) if is_first else []
    tell_of_second_step(user, "passkey.add", {"name": [None, name]})
    return passkey_json(row), codes


@unit_of_work
def rename_passkey(*, user: User, passkey: Json, name: str) -> Json:
    """Raises ValidationProblem."""
    row = passkeys.passkey_of(user, passkey["id"])
    name = _checked(name)
    if row is not None:
        record_audit(action="passkey.rename", object_type="user", object_id=user.public_id, changes={"name": [row.data["name"], name]})
        row.data["name"] = name
        row.save(update_fields=["data"])
    return {**passkey, "name": name}


@unit_of_work
def remove_passkey(*, user: User, passkey: Json) -> None:
    """It no longer signs in. With the last means of a second step the recovery codes go too."""
    lock_user(user)
    row = passkeys.passkey_of(user, passkey["id"])
    if row is None:
        return
    row.delete()
    second_step.remove_idle_recovery_codes(user)
    tell_of_second_step(user, "passkey.remove", {"name": [passkey["name"], None]})


def take_passkey(*, request: HttpRequest, credential: Json, user: User | None = None) -> User:
    """Who showed a passkey: at sign-in the user it names, later `user` or nobody.

    Raises InvalidPasskey, TooManyRequests, and InvalidCredentials where a passkey is not taken in place of a password.
    """
    count_passkey_try()
    found = passkeys.proven_user(request, credential, user)
    if found is None or found.is_service:
        raise InvalidPasskey
    if user is None:
        for check in PASSWORD_GATES.all().values():
            check(found)
    return found


def count_passkey_try() -> None:
    """Raises TooManyRequests for a network address that begins or ends many tries."""
    limits.take(PER_ADDRESS, "passkey", "address", current_origin().ip)
    limits.take("1200/minute", "passkey", "tenant")


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH:
        raise ValidationProblem([FieldError("/name", "invalid", _("Enter a name of at most 60 characters"))])
    return name

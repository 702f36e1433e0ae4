"""Users: creation, the check of a password, the profile, the end."""

import unicodedata
import zoneinfo

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from kernel import limits
from kernel.actors import current_origin
from kernel.crypto import digest
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.accounts.errors import InvalidCredentials
from shared_apps.accounts.events import UserDeactivated
from shared_apps.accounts.models import ApiKey, Language, Theme, User
from shared_apps.accounts.services.gates import PASSWORD_GATES

PER_ADDRESS = "60/minute"
PER_ACCOUNT = "10/minute"
PER_TENANT = "1200/minute"


def check_credentials(*, email: str, password: str) -> User:
    """The user behind e-mail and password. Raises InvalidCredentials (the same for unknown addresses) or TooManyRequests."""
    limits.take(PER_ADDRESS, "sign-in", "address", current_origin().ip)
    limits.take(PER_ACCOUNT, "sign-in", "account", account_bucket(email))
    limits.take(PER_TENANT, "sign-in", "tenant")
    user = authenticate(None, email=email.strip(), password=password)
    if not isinstance(user, User):
        raise InvalidCredentials
    for check in PASSWORD_GATES.all().values():
        check(user)
    return user


def account_bucket(email: str) -> str:
    """The name under which tries for an address are counted: one for all spellings that could mean the same mailbox."""
    folded = unicodedata.normalize("NFKC", email.strip()).upper().casefold()
    local, at, host = folded.rpartition("@")
    return digest(local.replace(".", "") + at + host.rstrip("."))


@unit_of_work
def create_user(*, email: str, name: str, password: str | None, language: str = Language.ENGLISH) -> User:
    """Creates a user of the schema in scope; `None` as password means that none works yet."""
    user = User(email=email.strip().lower(), name=name.strip(), language=language)
    user.set_password(password)
    user.save()
    record_audit(action="user.create", object_type="user", object_id=user.public_id)
    return user


def check_new_password(*, password: str, user: User) -> None:
    """Raises ValidationProblem with pointer `/password` for a weak password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationProblem([FieldError("/password", "weak", message) for message in error.messages]) from error


@unit_of_work
def update_profile(*, user: User, name: str, language: str, theme: str, time_zone: str) -> User:
    """Changes what users may set themselves; where all is as it was, nothing is written. Raises ValidationProblem."""
    errors = []
    if not name.strip() or len(name) > 120:
        errors.append(FieldError("/name", "invalid", _("Enter a name of at most 120 characters")))
    if language not in Language.values:
        errors.append(FieldError("/language", "unknown", _("This language is not available")))
    if theme not in Theme.values:
        errors.append(FieldError("/theme", "unknown", _("This theme is not available")))
    if time_zone not in zoneinfo.available_timezones():
        errors.append(FieldError("/time_zone", "unknown", _("This time zone is not known")))
    if errors:
        raise ValidationProblem(errors)
    wanted = {"name": name.strip(), "language": language, "theme": theme, "time_zone": time_zone}
    locked = User.objects.select_for_update().get(pk=user.pk)
    changes = {field: [getattr(locked, field), value] for field, value in wanted.items() if getattr(locked, field) != value}
    for field, value in wanted.items():
        setattr(user, field, value)
    if changes:
        user.save(update_fields=[*changes, "updated_at"])
        record_audit(action="user.update_profile", object_type="user", object_id=user.public_id, changes=changes)
    return user


@unit_of_work
def deactivate_user(*, user: User) -> User:
    """Ends a user's access: password, sessions and keys stop working; sockets are cut when the event arrives."""
    user.is_active = False
    user.save(update_fields=["is_active", "updated_at"])
    ApiKey.objects.filter(user=user).delete()
    for session in Session.objects.all().iterator():
        if str(session.get_decoded().get("_auth_user_id")) == str(user.pk):
            session.delete()
    record(UserDeactivated(aggregate_id=user.public_id))
    record_audit(action="user.deactivate", object_type="user", object_id=user.public_id)
    return user

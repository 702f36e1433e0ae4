"""The second step of signing in: begun, confirmed by a first code, used once each time, taken away."""

from django.utils.translation import gettext as _
from kernel import limits, tenancy
from kernel.actors import current_origin
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts import second_step
from shared_apps.accounts.errors import InvalidCode, SecondStepMissing
from shared_apps.accounts.models import MailKind, User
from shared_apps.accounts.services.granters import SECOND_STEP_WATCHERS
from shared_apps.accounts.services.mails import write_mail
from shared_apps.accounts.services.passwords import confirm_password

PER_ACCOUNT = ("5/minute", "30/hour")
PER_ADDRESS = "60/minute"


@unit_of_work
def enable_second_step(*, user: User, password: str, enrolment: str, code: str) -> list[str]:
    """From now on a code is asked for after the password. Returns the recovery codes, which can be read this once.

    Raises ValidationProblem for a wrong password, an enrolment that is old or another user's, a code that does not fit; TooManyRequests.
    """
    confirm_password(user=user, password=password)
    _count(user)
    secret = second_step.secret_in(user, enrolment)
    if secret is None:
        raise ValidationProblem([FieldError("/enrolment", "expired", _("Begin again: this took too long"))])
    lock_user(user)
    codes = second_step.enable(user, secret, code)
    if codes is None:
        raise ValidationProblem([FieldError("/code", "wrong", _("This code does not fit. Check the clock of your device."))])
    tell_of_second_step(user, "second_step.enable")
    return codes


@unit_of_work
def disable_second_step(*, user: User, password: str, code: str) -> None:
    """The password alone signs in again. Raises ValidationProblem, InvalidCode, SecondStepMissing, TooManyRequests."""
    confirm_password(user=user, password=password)
    lock_user(user)
    if not second_step.has_app(user):
        raise SecondStepMissing
    _count(user)
    if not second_step.use_code(user, code):
        raise InvalidCode
    second_step.remove_app(user)
    tell_of_second_step(user, "second_step.disable")


@unit_of_work
def renew_recovery_codes(*, user: User, password: str) -> list[str]:
    """Fresh recovery codes, to be read this once. Raises ValidationProblem, SecondStepMissing, TooManyRequests."""
    confirm_password(user=user, password=password)
    lock_user(user)
    if not second_step.is_enabled(user):
        raise SecondStepMissing
    record_audit(action="second_step.renew_codes", object_type="user", object_id=user.public_id)
    return second_step.renew_recovery_codes(user)


@unit_of_work
def reset_second_step(*, user: User) -> None:
    """For somebody who lost their device: an admin takes the step away, and the mailbox is told. Raises SecondStepMissing."""
    lock_user(user)
    if not second_step.disable(user):
        raise SecondStepMissing
    tell_of_second_step(user, "second_step.reset")


def take_second_step(*, user: User, code: str) -> str:
    """Uses a code up and says which kind it was, `totp` or `recovery_code`. Raises InvalidCode, TooManyRequests."""
    limits.take(PER_ADDRESS, "second-step", "address", current_origin().ip)
    _count(user)
    return _use(user=user, code=code)


@unit_of_work
def _use(*, user: User, code: str) -> str:
    kind = second_step.use_code(user, code)
    if not kind:
        raise InvalidCode
    record_audit(action="second_step.use", object_type="user", object_id=user.public_id, changes={"kind": [None, kind]})
    return kind


def _count(user: User) -> None:
    for rate in PER_ACCOUNT:
        limits.take(rate, "second-step", "account", str(user.pk))


def lock_user(user: User) -> None:
    """Changes of a user's means to sign in come one after the other."""
    User.objects.select_for_update().get(pk=user.pk)


def tell_of_second_step(user: User, action: str, changes: dict[str, list[str | None]] | None = None) -> None:
    """Leaves an entry and tells the mailbox; operators, who have no tenant to write from, have the entry alone."""
    if tenancy.current_scope().tenant is not None:
        write_mail(kind=MailKind.SECOND_STEP_CHANGED, email=user.email, user=user)
    record_audit(action=action, object_type="user", object_id=user.public_id, changes=changes or {})
    for watch in SECOND_STEP_WATCHERS.all().values():
        watch(user)

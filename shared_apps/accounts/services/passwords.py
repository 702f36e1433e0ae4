"""Passwords: a forgotten one is replaced by a link from the mailbox, a known one by its owner."""

from django.utils.translation import gettext as _
from kernel import limits, tenancy
from kernel.actors import current_actor, current_origin
from kernel.clock import now
from kernel.problems import FieldError, NotAllowed, ValidationProblem
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts.errors import LinkNotUsable
from shared_apps.accounts.models import AccountMail, MailKind, User
from shared_apps.accounts.services.mails import find_mail, write_mail
from shared_apps.accounts.services.sessions import end_sessions
from shared_apps.accounts.services.users import account_bucket, check_new_password

PER_ADDRESS = "20/hour"
PER_ACCOUNT = "5/hour"
PER_TENANT = "200/hour"
LINKS_PER_ADDRESS = "60/hour"
CHECKS_PER_ACCOUNT = "10/minute"


def request_password_reset(*, email: str) -> None:
    """Takes the wish down. Nothing here depends on whether the address is known: a worker finds that out.

    Raises TooManyRequests by network address, by mailbox and by tenant.
    """
    limits.take(PER_ADDRESS, "password-reset", "address", current_origin().ip)
    limits.take(PER_ACCOUNT, "password-reset", "account", account_bucket(email))
    limits.take(PER_TENANT, "password-reset", "tenant")
    _write_down(email=email)


@unit_of_work
def _write_down(*, email: str) -> None:
    mail = write_mail(kind=MailKind.PASSWORD_RESET, email=email.strip()[:254], user=None)
    record_audit(action="password.request_reset", object_type="account_mail", object_id=mail.public_id)


def open_mail(token: str, kind: MailKind) -> AccountMail:
    """The mail behind a link that still works. Raises LinkNotUsable for a used, expired, overtaken or forged one alike, and
    TooManyRequests for an address that tries many."""
    count_link_try()
    mail = find_mail(token, kind)
    if mail is None or not mail.is_open(now()):
        raise LinkNotUsable
    return mail


def count_link_try() -> None:
    """Raises TooManyRequests for a network address that follows many links of mails."""
    limits.take(LINKS_PER_ADDRESS, "account-link", "address", current_origin().ip)


@unit_of_work
def reset_password(*, mail: AccountMail, password: str) -> User:
    """Sets the password, ends all sessions and tells the mailbox. Raises LinkNotUsable the second time, ValidationProblem when weak."""
    user = use_mail(mail)
    check_new_password(password=password, user=user)
    _set(user, password)
    end_sessions(user=user)
    record_audit(action="password.reset", object_type="user", object_id=user.public_id)
    return user


@unit_of_work
def change_password(*, user: User, current: str, new: str, session_key: str = "") -> User:
    """Sets the password of a user who knows the present one, and ends all other sessions. Raises ValidationProblem, TooManyRequests."""
    confirm_password(user=user, password=current)
    check_new_password(password=new, user=user)
    _set(user, new)
    end_sessions(user=user, but=session_key)
    record_audit(action="password.change", object_type="user", object_id=user.public_id)
    return user


def confirm_password(*, user: User, password: str) -> None:
    """Raises ValidationProblem with pointer `/current_password` for a wrong one, TooManyRequests after many.

    Who signs in elsewhere has none. What asks for it wants a fresh proof of a session besides, which is then what counts; a key has
    nothing to show. Raises NotAllowed.
    """
    if not user.has_usable_password():
        if current_actor().kind == "api_key":
            raise NotAllowed(_("Sign in with a browser for this: the account has no password"))
        return
    limits.take(CHECKS_PER_ACCOUNT, "password-check", str(user.pk))
    if not user.check_password(password):
        raise ValidationProblem([FieldError("/current_password", "wrong", _("This is not your present password"))])


def use_mail(mail: AccountMail) -> User:
    """Marks the link as used, inside the running unit of work, and locks its user. Raises LinkNotUsable."""
    locked = AccountMail.objects.select_for_update().get(pk=mail.pk)
    user = User.objects.select_for_update().filter(pk=locked.user_id or 0, is_active=True).first()
    if user is None or not locked.is_open(now()):
        raise LinkNotUsable
    locked.used_at = now()
    locked.save(update_fields=["used_at"])
    return user


def _set(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password", "updated_at"])
    if tenancy.current_scope().tenant is not None:
        write_mail(kind=MailKind.PASSWORD_CHANGED, email=user.email, user=user)

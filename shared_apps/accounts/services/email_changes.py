"""A new e-mail address: asked for with the password, confirmed from the new mailbox, taken back from the old one."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from kernel import limits
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts.errors import LinkNotUsable
from shared_apps.accounts.models import AccountMail, MailKind, User
from shared_apps.accounts.services.mails import write_mail
from shared_apps.accounts.services.passwords import confirm_password, use_mail
from shared_apps.accounts.services.sessions import end_sessions

PER_ACCOUNT = "5/hour"


@unit_of_work
def request_email_change(*, user: User, password: str, email: str) -> AccountMail:
    """Sends a link to the new mailbox; the address stays as it is until then. Whether somebody else has it is not said.

    Raises ValidationProblem, TooManyRequests.
    """
    email = email.strip().lower()
    confirm_password(user=user, password=password)
    if len(email) > 254 or not _is_address(email):
        raise ValidationProblem([FieldError("/email", "invalid", _("Enter a complete e-mail address"))])
    if email == user.email.lower():
        raise ValidationProblem([FieldError("/email", "same", _("This is your address already"))])
    limits.take(PER_ACCOUNT, "email-change", str(user.pk))
    mail = write_mail(kind=MailKind.EMAIL_CONFIRM, email=email, user=user)
    record_audit(action="email.request_change", object_type="user", object_id=user.public_id)
    return mail


@unit_of_work
def confirm_email_change(*, mail: AccountMail) -> User:
    """The user signs in with the new address from now on, and the old mailbox is told how to undo it. Raises LinkNotUsable."""
    user = use_mail(mail)
    if User.objects.filter(email__iexact=mail.email).exclude(pk=user.pk).exists():
        raise LinkNotUsable
    former = user.email
    user.email = mail.email
    user.save(update_fields=["email", "updated_at"])
    write_mail(kind=MailKind.EMAIL_UNDO, email=former, user=user)
    record_audit(action="email.change", object_type="user", object_id=user.public_id)
    return user


@unit_of_work
def undo_email_change(*, mail: AccountMail) -> User:
    """Gives the address back to its old mailbox: all sessions and the password end, and a link for a new password is sent there.

    Later changes of the address lose their own links. Raises LinkNotUsable.
    """
    user = use_mail(mail)
    if User.objects.filter(email__iexact=mail.email).exclude(pk=user.pk).exists():
        raise LinkNotUsable
    user.email = mail.email
    user.set_unusable_password()
    user.save(update_fields=["email", "password", "updated_at"])
    AccountMail.objects.filter(user=user, used_at=None, created_at__gte=mail.created_at).update(used_at=now())
    end_sessions(user=user)
    write_mail(kind=MailKind.PASSWORD_RESET, email=user.email, user=user)
    record_audit(action="email.undo_change", object_type="user", object_id=user.public_id)
    return user


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True

"""Mails about a log-in: rows that a worker sends and repeats until the mail server takes them, and the links inside."""

import datetime
import hashlib
import hmac
import smtplib
import uuid
from base64 import b32encode

import structlog
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from kernel import crypto, tenancy
from kernel.clock import now
from kernel.mail import send_notice
from kernel.tasks import send
from kernel.timers import Swept, enqueue_due
from kernel.uow import after_commit, unit_of_work

from shared_apps.accounts.models import AccountMail, MailKind, User

LIFETIMES = {
    MailKind.PASSWORD_RESET: datetime.timedelta(hours=1),
    MailKind.EMAIL_CONFIRM: datetime.timedelta(hours=24),
    MailKind.EMAIL_UNDO: datetime.timedelta(days=7),
    MailKind.PASSWORD_CHANGED: datetime.timedelta(days=1),
    MailKind.SECOND_STEP_CHANGED: datetime.timedelta(days=1),
}
PATHS = {MailKind.PASSWORD_RESET: "password-reset", MailKind.EMAIL_CONFIRM: "email-change", MailKind.EMAIL_UNDO: "email-undo"}
KEPT = datetime.timedelta(days=30)
MAX_SENDS = 12
SWEEP_LIMIT = 20
SEND_TASK = "shared_apps.accounts.tasks.send_account_mail"
_log = structlog.get_logger(__name__)


def write_mail(*, kind: MailKind, email: str, user: User | None) -> AccountMail:
    """A mail that goes out after the running unit of work has committed. Only a password reset has no user yet."""
    mail = AccountMail.objects.create(kind=kind, email=email, user=user, expires_at=now() + LIFETIMES[kind])
    tenant = tenancy.current_tenant()
    after_commit(lambda: send(SEND_TASK, "outbound", tenant_id=str(tenant.id), mail_id=mail.pk))
    return mail


def token_of_mail(mail: AccountMail) -> str:
    """The link's token: the id and a MAC under the tenant's key. A link for the user's e-mail or password ends when either changes."""
    return f"{mail.public_id.hex}{_mac(mail)}"


def find_mail(token: str, kind: MailKind) -> AccountMail | None:
    """The mail whose link was followed, used or not; None for a forged or foreign link, and where the user is no longer the same."""
    try:
        public_id = uuid.UUID(token[:32])
    except ValueError:
        return None
    mail = AccountMail.objects.select_related("user").filter(public_id=public_id, kind=kind, user__is_active=True).first()
    return mail if mail is not None and crypto.same(token[32:].encode(), _mac(mail).encode()) else None


def send_account_mail(*, mail: AccountMail) -> None:
    """Sends the mail if it is due and not sent yet. A refusal moves the next attempt; nothing is raised for it.

    A reset is matched with its user only here, so that asking for one is the same work for every address.
    """
    if tenancy.current_tenant().is_outward_paused:
        return
    with unit_of_work():
        locked = AccountMail.objects.select_for_update(skip_locked=True).filter(pk=mail.pk, sent_at=None, next_send_at__lte=now()).first()
        if locked is None or locked.send_attempts >= MAX_SENDS or not locked.is_open(now()):
            return
        locked.send_attempts += 1
        locked.next_send_at = now() + datetime.timedelta(seconds=min(3600, 15 * 2**locked.send_attempts))
        if locked.user is None:
            locked.user = User.objects.filter(email__iexact=locked.email, is_active=True).first()
        locked.save(update_fields=["send_attempts", "next_send_at", "user"])
        if locked.user is None or _is_taken(locked):
            AccountMail.objects.filter(pk=locked.pk).update(used_at=now(), sent_at=now())
            return
        user = locked.user
    # To the stored address: a reset was typed by anybody, in a spelling that may lead elsewhere.
    to = user.email if locked.kind == MailKind.PASSWORD_RESET else locked.email
    with translation.override(user.language):
        subject, text = _words(locked, user)
    try:
        send_notice(to=to, subject=subject, text=text)
    except (OSError, smtplib.SMTPException) as error:
        _log.warning("account_mail.not_sent", mail=str(locked.public_id), error=type(error).__name__)
        return
    AccountMail.objects.filter(pk=locked.pk).update(sent_at=now())


def forget_old_mails() -> int:
    """Removes what was written more than thirty days ago; every link in it has run out. Returns how many."""
    return AccountMail.objects.filter(created_at__lt=now() - KEPT).delete()[0]


def sweep_mails() -> Swept:
    """Enqueues what is due in the tenant in scope."""
    waiting = AccountMail.objects.filter(sent_at=None, used_at=None, expires_at__gt=now(), send_attempts__lt=MAX_SENDS)
    rows = waiting.order_by("next_send_at", "id").values_list("pk", "next_send_at", "send_attempts")[:SWEEP_LIMIT]
    return enqueue_due(rows, task=SEND_TASK, queue="outbound", argument="mail_id")


def _words(mail: AccountMail, user: User) -> tuple[str, str]:
    """Subject and text in the language that is switched on."""
    tenant = tenancy.current_tenant()
    words = {"tenant": tenant.name, "name": user.name, "link": _link(mail), "email": user.email, "date": f"{mail.expires_at:%Y-%m-%d}"}
    subjects = {
        MailKind.PASSWORD_RESET: _("A new password for %(tenant)s on Atende"),
        MailKind.EMAIL_CONFIRM: _("Confirm your new e-mail address for %(tenant)s on Atende"),
        MailKind.EMAIL_UNDO: _("Your e-mail address for %(tenant)s on Atende has changed"),
        MailKind.PASSWORD_CHANGED: _("Your password for %(tenant)s on Atende has changed"),
        MailKind.SECOND_STEP_CHANGED: _("Your second step for %(tenant)s on Atende has changed"),
    }
    texts = {
        MailKind.PASSWORD_RESET: _(
            "Hello %(name)s,\n\nsomebody asked for a new password for your account. Choose it here; the link works once and for an "
            "hour:\n\n%(link)s\n\nIf that was not you, there is nothing to do: your password stays as it is.\n"
        ),
        MailKind.EMAIL_CONFIRM: _(
            "Hello %(name)s,\n\nyou want to sign in with this address from now on. Confirm it here; the link works once and for a "
            "day:\n\n%(link)s\n\nIf that was not you, there is nothing to do.\n"
        ),
        MailKind.EMAIL_UNDO: _(
            "Hello %(name)s,\n\nyour account now has another e-mail address, and this one no longer signs in.\n\n"
            "If that was not you, take it back here until %(date)s. That also ends all sessions and the present password:\n\n%(link)s\n"
        ),
        MailKind.PASSWORD_CHANGED: _(
            "Hello %(name)s,\n\nthe password of your account has been changed, and other browsers have been signed out.\n\n"
            "If that was not you, ask for a new password on the sign-in page, and tell an admin of %(tenant)s.\n"
        ),
        MailKind.SECOND_STEP_CHANGED: _(
            "Hello %(name)s,\n\nthe second step of signing in to your account has been switched on or off, or an admin has reset it.\n\n"
            "If you do not know of it, tell an admin of %(tenant)s.\n"
        ),
    }
    kind = MailKind(mail.kind)
    return subjects[kind] % words, texts[kind] % words


def _link(mail: AccountMail) -> str:
    """On the tenant's stored domain: no request, and so no header of one, has a part in it."""
    path = PATHS.get(MailKind(mail.kind))
    if path is None:
        return ""
    port = f":{settings.ATENDE_PUBLIC_PORT}" if settings.ATENDE_PUBLIC_PORT else ""
    return f"{settings.ATENDE_PUBLIC_SCHEME}://{tenancy.current_tenant().host}{port}/{path}/{token_of_mail(mail)}/"


def _is_taken(mail: AccountMail) -> bool:
    """Whether a wanted address is already somebody's; whoever asked is not told."""
    return mail.kind == MailKind.EMAIL_CONFIRM and User.objects.filter(email__iexact=mail.email).exists()


def _mac(mail: AccountMail) -> str:
    bound = "" if mail.user is None or mail.kind == MailKind.EMAIL_UNDO else f"{mail.user.email}|{mail.user.password}"
    message = mail.public_id.bytes + f"{mail.kind}|{bound}".encode()
    return b32encode(hmac.new(crypto.derive_key("account-mail"), message, hashlib.sha256).digest()[:20]).decode().lower()

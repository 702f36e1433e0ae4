"""Invitations: a one-use link by mail, sent by a worker and repeated until the mail server takes it."""

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
from kernel.problems import FieldError, ValidationProblem
from kernel.tasks import send
from kernel.timers import NOTHING, Swept, enqueue_due, together
from kernel.uow import after_commit, record, record_audit, unit_of_work

from shared_apps.accounts.errors import InvitationNotUsable
from shared_apps.accounts.events import InvitationCreated, UserJoined
from shared_apps.accounts.models import Invitation, Language, User
from shared_apps.accounts.services.granters import ROLE_GRANTERS
from shared_apps.accounts.services.mails import sweep_mails
from shared_apps.accounts.services.users import check_new_password, create_user

LIFETIME = datetime.timedelta(days=7)
MAX_SENDS = 12
SWEEP_LIMIT = 20
SEND_TASK = "shared_apps.accounts.tasks.send_invitation"
_log = structlog.get_logger(__name__)


@unit_of_work
def invite(*, email: str, role: str, name: str = "") -> Invitation:
    """Invites someone to the tenant in scope; the mail goes out after the commit. A second call finds the open invitation."""
    email = email.strip().lower()
    known = Invitation.objects.filter(email=email, role=role, used_at=None, expires_at__gt=now()).first()
    if known is not None:
        return known
    invitation = Invitation.objects.create(email=email, name=name, role=role, expires_at=now() + LIFETIME)
    record(InvitationCreated(aggregate_id=invitation.public_id, role=role))
    record_audit(action="invitation.create", object_type="invitation", object_id=invitation.public_id, changes={"role": [None, role]})
    tenant = tenancy.current_tenant()
    after_commit(lambda: send(SEND_TASK, "outbound", tenant_id=str(tenant.id), invitation_id=invitation.pk))
    return invitation


def token_of(invitation: Invitation) -> str:
    """The link's token: the invitation's id and a MAC under the tenant's key."""
    return f"{invitation.public_id.hex}{_mac(invitation.public_id)}"


def find_invitation(token: str) -> Invitation | None:
    """The invitation that a link's token names, open or not; None for a forged or foreign one."""
    try:
        public_id = uuid.UUID(token[:32])
    except ValueError:
        return None
    if not crypto.same(token[32:].encode(), _mac(public_id).encode()):
        return None
    return Invitation.objects.filter(public_id=public_id).first()


@unit_of_work
def accept_invitation(*, invitation: Invitation, name: str, password: str, language: str = Language.ENGLISH) -> User:
    """Creates the user with the invitation's role, speaking `language` where we do. Raises InvitationNotUsable the second time,
    ValidationProblem for bad fields."""
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if not locked.is_open(now()) or User.objects.filter(email__iexact=locked.email).exists():
        raise InvitationNotUsable
    if not name.strip() or len(name) > 120:
        raise ValidationProblem([FieldError("/name", "invalid", _("Enter a name of at most 120 characters"))])
    check_new_password(password=password, user=User(email=locked.email, name=name))
    spoken = language if language in Language.values else Language.ENGLISH
    user = create_user(email=locked.email, name=name, password=password, language=spoken)
    for grant in ROLE_GRANTERS.all().values():
        grant(user, locked.role)
    locked.used_at = now()
    locked.save(update_fields=["used_at"])
    record(UserJoined(aggregate_id=user.public_id, role=locked.role))
    return user


def send_invitation(*, invitation: Invitation) -> None:
    """Sends the mail if it is due and not sent yet. A refusal moves the next attempt; nothing is raised for it.

    Nothing is sent from a tenant that nothing may leave.
    """
    if tenancy.current_tenant().is_outward_paused:
        return
    with unit_of_work():
        locked = (
            Invitation.objects.select_for_update(skip_locked=True).filter(pk=invitation.pk, sent_at=None, next_send_at__lte=now()).first()
        )
        if locked is None or locked.send_attempts >= MAX_SENDS or not locked.is_open(now()):
            return
        locked.send_attempts += 1
        locked.next_send_at = now() + datetime.timedelta(seconds=min(3600, 15 * 2**locked.send_attempts))
        locked.save(update_fields=["send_attempts", "next_send_at"])
    tenant = tenancy.current_tenant()
    port = f":{settings.ATENDE_PUBLIC_PORT}" if settings.ATENDE_PUBLIC_PORT else ""
    link = f"{settings.ATENDE_PUBLIC_SCHEME}://{tenant.host}{port}/invitations/{token_of(locked)}/"
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("Your invitation to %(tenant)s on Atende") % {"tenant": tenant.name}
        text = _(
            "Hello,\n\nyou have been invited to answer customers of %(tenant)s on Atende.\n\n"
            "Choose your password here; the link works once and until %(date)s:\n\n%(link)s\n"
        ) % {"tenant": tenant.name, "link": link, "date": f"{locked.expires_at:%Y-%m-%d}"}
    try:
        send_notice(to=locked.email, subject=subject, text=text)
    except (OSError, smtplib.SMTPException) as error:
        _log.warning("invitation.not_sent", invitation=str(locked.public_id), error=type(error).__name__)
        return
    Invitation.objects.filter(pk=locked.pk).update(sent_at=now())


def end_open_invitations() -> int:
    """Ends the invitations whose links can no longer work, since they were signed for another tenant. Returns how many."""
    return Invitation.objects.filter(used_at=None, expires_at__gt=now()).update(expires_at=now(), next_send_at=now())


def sweep() -> Swept:
    """Enqueues what is due in the tenant in scope; called by the scheduler at its visits, so a lost hint only costs seconds."""
    if tenancy.current_tenant().is_outward_paused:
        return NOTHING
    waiting = Invitation.objects.filter(sent_at=None, used_at=None, expires_at__gt=now(), send_attempts__lt=MAX_SENDS)
    rows = waiting.order_by("next_send_at", "id").values_list("pk", "next_send_at", "send_attempts")[:SWEEP_LIMIT]
    return together([enqueue_due(rows, task=SEND_TASK, queue="outbound", argument="invitation_id"), sweep_mails()])


def _mac(public_id: uuid.UUID) -> str:
    mac = hmac.new(crypto.derive_key("invitation"), public_id.bytes, hashlib.sha256).digest()
    return b32encode(mac[:20]).decode().lower()

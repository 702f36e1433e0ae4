"""Celery entry points of the accounts app."""

from celery import shared_task
from django.db import close_old_connections
from kernel import tenancy
from kernel.actors import SYSTEM, RequestOrigin, acting_as, coming_from
from kernel.tasks import tenant_task

from shared_apps.accounts import services
from shared_apps.accounts.models import AccountMail, Invitation
from shared_apps.accounts.services import refused


@tenant_task(queue="outbound")
def send_invitation(invitation_id: int) -> None:
    """Sends one invitation mail."""
    services.send_invitation(invitation=Invitation.objects.get(pk=invitation_id))


@tenant_task(queue="outbound")
def send_account_mail(mail_id: int) -> None:
    """Sends one mail about a log-in."""
    services.send_account_mail(mail=AccountMail.objects.get(pk=mail_id))


@tenant_task(queue="default")
def note_refused_sign_in(user_id: int, reason: str, ip: str, user_agent: str, request_id: str) -> None:
    """Writes that somebody failed to sign in as a member; `user_id` is 0 where nobody has the address."""
    with coming_from(RequestOrigin(request_id=request_id, ip=ip, user_agent=user_agent)):
        refused.note_refused_sign_in(user_id=user_id, reason=reason)


@shared_task(name=refused.PLATFORM_TASK, ignore_result=True, acks_late=True)
def note_refused_operator(user_id: int, reason: str, ip: str, user_agent: str, request_id: str) -> None:
    """The same on the base host."""
    close_old_connections()
    with tenancy.public_scope(), acting_as(SYSTEM), coming_from(RequestOrigin(request_id=request_id, ip=ip, user_agent=user_agent)):
        refused.note_refused_sign_in(user_id=user_id, reason=reason)
    close_old_connections()

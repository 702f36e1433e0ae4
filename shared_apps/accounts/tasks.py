"""Celery entry points of the accounts app."""

from kernel.tasks import tenant_task

from shared_apps.accounts import services
from shared_apps.accounts.models import AccountMail, Invitation


@tenant_task(queue="outbound")
def send_invitation(invitation_id: int) -> None:
    """Sends one invitation mail."""
    services.send_invitation(invitation=Invitation.objects.get(pk=invitation_id))


@tenant_task(queue="outbound")
def send_account_mail(mail_id: int) -> None:
    """Sends one mail about a log-in."""
    services.send_account_mail(mail=AccountMail.objects.get(pk=mail_id))

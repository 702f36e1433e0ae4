"""Celery entry points of the accounts app."""

from kernel.tasks import tenant_task

from shared_apps.accounts import services
from shared_apps.accounts.models import Invitation


@tenant_task(queue="outbound")
def send_invitation(invitation_id: int) -> None:
    """Sends one invitation mail."""
    services.send_invitation(invitation=Invitation.objects.get(pk=invitation_id))

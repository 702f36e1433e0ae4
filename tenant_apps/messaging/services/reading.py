"""Read marks: up to where a user has read a conversation."""

from kernel.uow import unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.messaging.models import Conversation, Message, ReadMark


@unit_of_work
def mark_read(*, conversation: Conversation, user: User) -> None:
    """Everything so far counts as read by the user."""
    newest = Message.objects.filter(conversation=conversation).order_by("-id").values_list("id", flat=True).first() or 0
    ReadMark.objects.update_or_create(conversation=conversation, user=user, defaults={"message_id": newest})


@unit_of_work
def mark_unread(*, conversation: Conversation, user: User) -> None:
    """The conversation shows as unread again for the user."""
    ReadMark.objects.filter(conversation=conversation, user=user).delete()

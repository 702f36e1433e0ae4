"""A conversation: one thread with a contact on one inbox."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from kernel.ids import new_id


class Conversation(models.Model):
    """One thread. Messages are added in order under its row lock."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    inbox = models.ForeignKey("connectors.Inbox", on_delete=models.PROTECT, related_name="conversations")
    contact = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, related_name="conversations")
    subject = models.CharField(max_length=500, blank=True)
    external_thread_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_message_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["inbox", "external_thread_id"],
                condition=~models.Q(external_thread_id=""),
                name="messaging_conversation_thread_once",
            )
        ]

    def __str__(self) -> str:
        return self.subject


class MessageIdEntry(models.Model):
    """Every Message-ID ever seen in a conversation, also of mails that never reached us."""

    message_id = models.CharField(max_length=998, unique=True)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="message_ids")
    seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "message id entries"

    def __str__(self) -> str:
        return self.message_id


class ReadMark(models.Model):
    """Up to which message a user has read a conversation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="read_marks")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="read_marks")
    message_id = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "conversation"], name="messaging_readmark_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.conversation_id} {self.message_id}"

"""A message: something said in a conversation, by a contact, an agent or the system."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from kernel.ids import new_id


class Direction(models.TextChoices):
    """Which way a message went; a note is `out` but internal."""

    IN = "in"
    OUT = "out"


class Visibility(models.TextChoices):
    """Who may see a message: `internal` never leaves the tenant's staff."""

    PUBLIC = "public"
    INTERNAL = "internal"


class AuthorKind(models.TextChoices):
    """Who wrote it."""

    CONTACT = "contact"
    USER = "user"
    SYSTEM = "system"


class MessageKind(models.TextChoices):
    """What wrote it: only `human` messages reopen tickets or count as an answer."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    BULK = "bulk"
    BOUNCE_HARD = "bounce_hard"
    BOUNCE_SOFT = "bounce_soft"


class DeliveryState(models.TextChoices):
    """How far an outgoing public message has come; `none` for everything else."""

    NONE = "none"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Message(models.Model):
    """One message. `body_html` is sanitised; `quoted_text` is what a reply repeated of earlier mails."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    conversation = models.ForeignKey("messaging.Conversation", on_delete=models.CASCADE, related_name="messages")
    direction = models.CharField(max_length=8, choices=Direction.choices)
    visibility = models.CharField(max_length=8, choices=Visibility.choices)
    kind = models.CharField(max_length=16, choices=MessageKind.choices, default=MessageKind.HUMAN)
    author_kind = models.CharField(max_length=8, choices=AuthorKind.choices)
    author_contact = models.ForeignKey("contacts.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="messages")
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="messages")
    is_third_party = models.BooleanField(default=False)
    subject = models.CharField(max_length=500, blank=True)
    body_text = models.TextField(blank=True)
    body_html = models.TextField(blank=True)
    quoted_text = models.TextField(blank=True)
    blocked_images = models.IntegerField(default=0)
    external_id = models.CharField(max_length=998, blank=True)
    in_reply_to = models.CharField(max_length=998, blank=True)
    references = ArrayField(models.CharField(max_length=998), default=list, blank=True)
    client_token = models.CharField(max_length=64, blank=True)
    delivery_state = models.CharField(max_length=8, choices=DeliveryState.choices, default=DeliveryState.NONE)
    delivery_error = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["conversation", "id"], name="messaging_message_thread")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "external_id"],
                condition=models.Q(direction="in") & ~models.Q(external_id=""),
                name="messaging_message_external_once",
            ),
            models.UniqueConstraint(
                fields=["author_user", "conversation", "client_token"],
                condition=~models.Q(client_token=""),
                name="messaging_message_client_token_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

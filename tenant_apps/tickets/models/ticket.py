"""A ticket: a piece of work that may outlive or span conversations."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from kernel.ids import new_id


class Priority(models.TextChoices):
    """How urgent the work is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Tag(models.Model):
    """A word that marks tickets."""

    name = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name


class TicketNumber(models.Model):
    """The last number given; the row lock makes numbers unique within the tenant."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    last_number = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="tickets_ticketnumber_single_row")]

    def __str__(self) -> str:
        return str(self.last_number)


class Ticket(models.Model):
    """The unit of work. Every change raises `version`; `category` repeats the status's for the list indexes."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    number = models.BigIntegerField(unique=True)
    subject = models.CharField(max_length=500)
    status = models.ForeignKey("tickets.Status", on_delete=models.PROTECT, related_name="tickets")
    category = models.CharField(max_length=20)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.NORMAL)
    requester = models.ForeignKey("contacts.Contact", on_delete=models.PROTECT, related_name="tickets")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="assigned_tickets", db_index=False
    )
    team = models.ForeignKey("organization.Team", null=True, blank=True, on_delete=models.PROTECT, related_name="tickets", db_index=False)
    tags = models.ManyToManyField(Tag, blank=True, related_name="tickets")
    version = models.IntegerField(default=1)
    snippet = models.CharField(max_length=200, blank=True)
    connector = models.CharField(max_length=32, blank=True)
    last_message_at = models.DateTimeField()
    waiting_since = models.DateTimeField(null=True, blank=True)
    solved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reopen_count = models.IntegerField(default=0)
    follow_up_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="follow_ups")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-last_message_at", "-id"], name="tickets_ticket_recent"),
            models.Index(fields=["category", "-last_message_at", "-id"], name="tickets_ticket_category_recent"),
            models.Index(fields=["assignee", "category", "-last_message_at", "-id"], name="tickets_ticket_assignee_recent"),
            models.Index(fields=["team", "category", "-last_message_at", "-id"], name="tickets_ticket_team_recent"),
            models.Index(fields=["-created_at", "-id"], name="tickets_ticket_newest"),
            GinIndex(OpClass(Upper("subject"), name="gin_trgm_ops"), name="tickets_ticket_subject_trgm"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class TicketConversation(models.Model):
    """Ties a ticket to a conversation. A conversation has at most one current ticket, which new messages belong to."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="conversation_links")
    conversation = models.ForeignKey("messaging.Conversation", on_delete=models.CASCADE, related_name="ticket_links")
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ticket", "conversation"], name="tickets_ticketconversation_once"),
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(is_current=True), name="tickets_ticketconversation_current_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.conversation_id}"

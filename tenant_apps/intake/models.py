"""Inbound events: everything that arrived from outside, kept raw before anything is made of it."""

from typing import ClassVar

from django.db import models
from kernel.ids import new_id


class InboundState(models.TextChoices):
    """The life of an inbound event; `done`, `ignored` and `parked` are final until someone runs it again."""

    RECEIVED = "received"
    PROCESSING = "processing"
    DONE = "done"
    IGNORED = "ignored"
    PARKED = "parked"


WAITING_STATES = (InboundState.RECEIVED, InboundState.PROCESSING)


class InboundEvent(models.Model):
    """One delivery from outside. Stored and committed before the sender gets its answer; `dedup_key` makes a retry harmless.

    `attempts` grows with each claim and is the fence: a worker that lost its lease cannot overwrite the result.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    inbox = models.ForeignKey("connectors.Inbox", on_delete=models.PROTECT, related_name="inbound_events")
    connector = models.CharField(max_length=32)
    dedup_key = models.CharField(max_length=128)
    body_sha256 = models.CharField(max_length=64)
    raw = models.BinaryField()
    size = models.IntegerField()
    headers = models.JSONField(default=dict)
    envelope = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=InboundState.choices, default=InboundState.RECEIVED)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    external_id = models.CharField(max_length=998, blank=True)
    sender = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=250, blank=True)
    duplicate_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates")
    message = models.ForeignKey("messaging.Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="inbound_events")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["inbox", "dedup_key"], name="intake_inboundevent_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(state__in=["received", "processing"]), name="intake_inboundevent_due"
            ),
            models.Index(fields=["-received_at", "-id"], name="intake_inboundevent_newest"),
            models.Index(fields=["state", "-received_at", "-id"], name="intake_inboundevent_state"),
            models.Index(fields=["inbox", "external_id"], condition=~models.Q(external_id=""), name="intake_inboundevent_external"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

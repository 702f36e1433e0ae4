"""The way of an outgoing message to its recipient."""

from typing import ClassVar

from django.db import models

from tenant_apps.messaging.models.message import DeliveryState


class Delivery(models.Model):
    """One outgoing hand-over. `fence` grows with each claim, so a late worker cannot overwrite the result."""

    message = models.OneToOneField("messaging.Message", on_delete=models.CASCADE, related_name="delivery")
    recipient = models.CharField(max_length=320)
    state = models.CharField(max_length=8, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=models.Q(state__in=["queued", "sending"]), name="messaging_delivery_due")
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.state}"

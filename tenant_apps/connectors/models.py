"""Inboxes: the configured channel accounts of a tenant."""

from typing import ClassVar

from django.db import models
from kernel.ids import new_id


class Inbox(models.Model):
    """One channel account. `address` is the mail address or, on a generic API channel, the route key of its hook.

    `config` holds the settings the connector's schema allows, never a secret: those live sealed in the channel route.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    connector = models.CharField(max_length=32)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=254)
    config = models.JSONField(default=dict, blank=True)
    default_team = models.ForeignKey("organization.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="inboxes")
    is_paused = models.BooleanField(default=False)
    last_event_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "inboxes"
        constraints: ClassVar = [models.UniqueConstraint(fields=["connector", "address"], name="connectors_inbox_address_once")]

    def __str__(self) -> str:
        return self.name

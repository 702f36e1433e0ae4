"""The audit trail of one schema: append-only rows in a hash chain, and how long they are kept."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.fields.json import KT

CANONICAL_VERSION: Final = 2


class Outcome(models.TextChoices):
    """Whether what was tried happened."""

    DONE = "done"
    REFUSED = "refused"


class AuditEntry(models.Model):
    """Who did what to which object. `hash` covers the row and the hash before it (HMAC-SHA256).

    `version` names the canonical form that the hash was taken of; entries of earlier forms stay as they are and verify.
    """

    n = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.JSONField()
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=32)
    object_id = models.UUIDField()
    changes = models.JSONField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.DONE, db_default=Outcome.DONE)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    version = models.SmallIntegerField(default=CANONICAL_VERSION, db_default=1)
    previous_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["object_type", "object_id", "n"], name="audit_entry_object"),
            models.Index(fields=["action", "n"], name="audit_entry_action"),
            models.Index(KT("actor__id"), "n", name="audit_entry_actor"),
            models.Index(fields=["at"], name="audit_entry_at"),
            models.Index(fields=["n"], condition=models.Q(outcome="refused"), name="audit_entry_refused"),
        ]

    def __str__(self) -> str:
        return f"{self.n} {self.action}"


class AuditRetention(models.Model):
    """How long the entries of this schema are kept: one row, or none where they stay for ever."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    keep_days = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.keep_days} days"

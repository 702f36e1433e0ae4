"""The audit trail of one schema: append-only rows in a hash chain."""

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object. `hash` covers the row and the hash before it (HMAC-SHA256)."""

    n = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.JSONField()
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=32)
    object_id = models.UUIDField()
    changes = models.JSONField()
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["object_type", "object_id", "n"], name="audit_entry_object")]  # noqa: RUF012 (Django's own form)

    def __str__(self) -> str:
        return f"{self.n} {self.action}"

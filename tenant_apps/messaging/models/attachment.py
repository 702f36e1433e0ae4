"""A file that came or goes with a message."""

from typing import ClassVar

from django.db import models
from kernel.ids import new_id


class Attachment(models.Model):
    """Metadata of a stored file. `storage_key` is random; the file name is never used as a path."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    message = models.ForeignKey("messaging.Message", on_delete=models.CASCADE, related_name="attachments")
    filename = models.CharField(max_length=200)
    content_type = models.CharField(max_length=120)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=120)
    content_id = models.CharField(max_length=255, blank=True)
    is_inline = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = []

    def __str__(self) -> str:
        return self.filename

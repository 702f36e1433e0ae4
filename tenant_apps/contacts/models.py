"""The people who ask: contacts and the addresses they are known by."""

from typing import ClassVar

from django.db import models
from kernel.ids import new_id


class Contact(models.Model):
    """A person outside the tenant."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    name = models.CharField(max_length=160, blank=True)
    email = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="contacts_contact_newest")]

    def __str__(self) -> str:
        return self.name or self.email


class IdentityKind(models.TextChoices):
    """What an identity's value means."""

    EMAIL = "email"
    PHONE = "phone"
    EXTERNAL = "external"


class Identity(models.Model):
    """One address of a contact. `value` is normalised and belongs to one contact only."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=16, choices=IdentityKind.choices)
    value = models.CharField(max_length=320)

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value"], name="contacts_identity_once")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

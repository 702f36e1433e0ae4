"""Which role a user holds in the tenant."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """The built-in roles."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"


class RoleAssignment(models.Model):
    """One role of one user, for the whole tenant."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=32, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "role"], name="access_roleassignment_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"

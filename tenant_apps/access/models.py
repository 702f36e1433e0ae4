"""Which role a user holds, and where."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Lower
from kernel.ids import new_id


class SystemRole(models.TextChoices):
    """The roles that every tenant has; what they hold is code."""

    OWNER = "owner"
    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    LIGHT_AGENT = "light_agent"
    VIEWER = "viewer"


class Visibility(models.TextChoices):
    """Which tickets a tenant-wide assignment of a role reaches."""

    OWN = "own"
    TEAM = "team"
    INBOX = "inbox"
    ALL = "all"


class CustomRole(models.Model):
    """A role of the tenant's own. `key` is an id in hex, `permissions` a sorted list of codes."""

    key = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    permissions = models.JSONField(default=list)
    visibility = models.CharField(max_length=8, choices=Visibility.choices, default=Visibility.ALL)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("name"), name="access_customrole_name_unique")]

    def __str__(self) -> str:
        return self.name


class RoleAssignment(models.Model):
    """One role of one user: for the whole tenant (`scope_kind` empty), or for the scope with this key in its own table."""

    public_id = models.UUIDField(default=new_id, db_default=RandomUUID(), unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=32)
    scope_kind = models.CharField(max_length=16, blank=True, default="", db_default="")
    scope_id = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "role", "scope_kind", "scope_id"], name="access_roleassignment_once_in_scope")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class InvitationScope(models.Model):
    """The scope in which an invitation's role will hold; an invitation without one is for the whole tenant."""

    invitation = models.OneToOneField("accounts.Invitation", on_delete=models.CASCADE, related_name="scope", primary_key=True)
    scope_kind = models.CharField(max_length=16)
    scope_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.invitation_id} {self.scope_kind}"


class AccessVersion(models.Model):
    """Raised by whatever changes what somebody may do; its row lock orders those changes."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="access_accessversion_single_row")]

    def __str__(self) -> str:
        return str(self.number)

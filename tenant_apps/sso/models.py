"""Connections to identity providers, the domains they are trusted for, and what they have given."""

import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from kernel.clock import now
from kernel.ids import new_id

from tenant_apps.access.models import RoleAssignment


class ConnectionState(models.TextChoices):
    """How far a connection may go. Only `enabled` and `enforced` ones sign anybody in."""

    DRAFT = "draft", _("Draft")
    TESTED = "tested", _("Tested")
    ENABLED = "enabled", _("Enabled")
    ENFORCED = "enforced", _("Enforced")


OPEN_STATES = (ConnectionState.ENABLED, ConnectionState.ENFORCED)


class Connection(models.Model):
    """An identity provider of the tenant. `sealed_secret` opens for this connection of this tenant alone.

    `configuration` is raised whenever issuer, client or secret change; a test counts for the number it began with.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    protocol = models.CharField(max_length=16, default="oidc")
    name = models.CharField(max_length=80)
    issuer = models.CharField(max_length=300)
    client_id = models.CharField(max_length=200)
    sealed_secret = models.TextField(blank=True)
    secret_set_at = models.DateTimeField(null=True, blank=True)
    configuration = models.IntegerField(default=1)
    is_email_authoritative = models.BooleanField(default=False)
    is_creating_users = models.BooleanField(default=False)
    is_second_step_trusted = models.BooleanField(default=False)
    is_owner_approved = models.BooleanField(default=False)
    default_role = models.CharField(max_length=32, blank=True)
    group_claim = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=8, choices=ConnectionState.choices, default=ConnectionState.DRAFT)
    last_test = models.JSONField(null=True, blank=True)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether members sign in through it."""
        return self.state in OPEN_STATES


class ConnectionDomain(models.Model):
    """An e-mail domain that belongs to one connection once a TXT record has proven it."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253, unique=True)
    proof = models.CharField(max_length=64)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.domain


class GroupRole(models.Model):
    """Whoever the provider says is in the group gets the role, for the whole tenant or in a scope."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="group_roles")
    group = models.CharField(max_length=200)
    role = models.CharField(max_length=32)
    scope_kind = models.CharField(max_length=16, blank=True)
    scope_id = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "group", "role", "scope_kind", "scope_id"], name="sso_grouprole_once")
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.role}"


class Identity(models.Model):
    """Whom the provider's subject is here. A user is one subject of a connection, so a reassigned address gets nobody in."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="identities")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "subject"], name="sso_identity_subject_once"),
            models.UniqueConstraint(fields=["connection", "user"], name="sso_identity_user_once"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.user_id}"


class GivenRole(models.Model):
    """An assignment that a connection gave by a group, and therefore may take again."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="given_roles")
    assignment = models.OneToOneField(RoleAssignment, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.connection_id} {self.assignment_id}"


class Attempt(models.Model):
    """A browser on its way to the provider and back. It is good once, for ten minutes, in the session it began in."""

    state_digest = models.CharField(max_length=64, unique=True)
    session_digest = models.CharField(max_length=64)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    configuration = models.IntegerField()
    is_test = models.BooleanField(default=False)
    sealed = models.TextField()
    created_at = models.DateTimeField(default=now)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at"], name="sso_attempt_created")]

    def __str__(self) -> str:
        return str(self.pk)

    def is_usable(self, at: datetime.datetime) -> bool:
        """Whether it may still come back at `at`."""
        return self.used_at is None and at < self.created_at + ATTEMPT_LIFETIME


ATTEMPT_LIFETIME = datetime.timedelta(minutes=10)

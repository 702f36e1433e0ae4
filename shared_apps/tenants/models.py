"""The registry in the public schema: tenants, their hosts, channel routes, spare schemas and the artefact they are built from."""

from typing import ClassVar

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin
from kernel.ids import new_id
from kernel.tenancy import DEFAULT_CLUSTER


class TenantState(models.TextChoices):
    """The life of a tenant."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"


class Tenant(TenantMixin):
    """An organization. Its schema name is random and never changes; the slug and the hosts are rows."""

    auto_create_schema = False
    auto_drop_schema = False

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=16, choices=TenantState.choices, default=TenantState.PROVISIONING)
    cluster = models.CharField(max_length=40, default=DEFAULT_CLUSTER)
    role_name = models.CharField(max_length=63)
    fingerprint = models.CharField(max_length=64)
    owner_email = models.EmailField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="tenants_tenant_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="tenants_tenant_state_newest"),
        ]

    def __str__(self) -> str:
        return self.slug


class Domain(DomainMixin):
    """A host name that leads to a tenant."""

    class Meta:
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return str(self.domain)


class ChannelRoute(models.Model):
    """Tells which tenant and inbox an outside address or key belongs to, before any tenant is known."""

    connector = models.CharField(max_length=32)
    external_id = models.CharField(max_length=254)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="channel_routes")
    inbox_id = models.UUIDField()
    secret = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    rejected_count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connector", "external_id"], name="tenants_channelroute_once")]

    def __str__(self) -> str:
        return f"{self.connector} {self.external_id}"


class Artefact(models.Model):
    """The DDL and seed rows of a fresh tenant schema, captured once per migration fingerprint."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    statements = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.fingerprint[:12]


class Spare(models.Model):
    """A built schema that waits for its tenant."""

    schema_name = models.CharField(max_length=63, unique=True)
    role_name = models.CharField(max_length=63)
    fingerprint = models.CharField(max_length=64)
    cluster = models.CharField(max_length=40, default=DEFAULT_CLUSTER)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.schema_name


class DueTenant(models.Model):
    """When the sweeper next visits a tenant: as soon as something falls due there, so that idle tenants cost next to nothing."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True)
    next_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.next_at:%FT%T}"

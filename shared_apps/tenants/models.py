"""The registry in the public schema: tenants and their hosts, routes, spares, artefacts, how the fleet is migrated, operations."""

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
    MOVING = "moving"
    DELETING = "deleting"
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
    is_canary = models.BooleanField(default=False, db_default=False)  # the code before this column still inserts tenants
    owner_email = models.EmailField(max_length=254)
    is_outward_paused = models.BooleanField(default=False, db_default=False)  # as above
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
    """The DDL and seed rows of a fresh tenant schema, captured once per migration fingerprint.

    `serves` names the fingerprints of other code that may serve a schema of this one; `fleet/compatibility.py` says how it is filled.
    """

    fingerprint = models.CharField(max_length=64, primary_key=True)
    statements = models.TextField()
    serves = models.JSONField(default=list, db_default=[])
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.fingerprint[:12]


class Spare(models.Model):
    """A schema that waits for its tenant. The row is there before the schema is, so that a builder that dies leaves nothing unknown."""

    schema_name = models.CharField(max_length=63, unique=True)
    role_name = models.CharField(max_length=63)
    fingerprint = models.CharField(max_length=64)
    cluster = models.CharField(max_length=40, default=DEFAULT_CLUSTER)
    is_ready = models.BooleanField(default=False, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.schema_name


class DueTenant(models.Model):
    """When the sweeper next visits a tenant: as soon as something falls due there, so that idle tenants cost next to nothing."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True)
    next_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.next_at:%FT%T}"


class FleetScript(models.Model):
    """How a schema gets from one fingerprint to another: derived once, verified, replayed for every tenant.

    `statements` run in the tenant's transaction, `after_statements` (indexes built concurrently) behind its commit.
    """

    source = models.CharField(max_length=64)
    target = models.CharField(max_length=64)
    statements = models.JSONField()
    after_statements = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "target"], name="tenants_fleetscript_once")]

    def __str__(self) -> str:
        return f"{self.source[:12]} to {self.target[:12]}"


class RunState(models.TextChoices):
    """The life of a run over the fleet. A run that died stays `running`; the next one closes it as `interrupted`."""

    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class FleetRun(models.Model):
    """One run over the tenants that are behind: all, those of a cluster, or a single one."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    target = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    cluster = models.CharField(max_length=40, blank=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.SET_NULL, null=True, related_name="+")
    canaries = models.JSONField(default=list)
    jobs = models.SmallIntegerField(default=1)
    total = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-requested_at", "-id"], name="tenants_fleetrun_newest")]

    def __str__(self) -> str:
        return f"{self.target[:12]} {self.state}"


class StepState(models.TextChoices):
    """Where a tenant stands: `after` means that its schema is new and its concurrent indexes are still to be built."""

    WAITING = "waiting"
    AFTER = "after"
    DONE = "done"
    FAILED = "failed"


class FleetStep(models.Model):
    """A tenant's last migration. Workers claim the row with SKIP LOCKED and hold it until both schema and registry are written."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True, related_name="fleet_step")
    run = models.ForeignKey(FleetRun, on_delete=models.SET_NULL, null=True, related_name="steps")
    source = models.CharField(max_length=64)
    target = models.CharField(max_length=64)
    wave = models.SmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=StepState.choices, default=StepState.WAITING)
    attempts = models.SmallIntegerField(default=0)
    error = models.TextField(blank=True)
    after_statements = models.JSONField(default=list)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "wave", "attempts", "tenant"], name="tenants_fleetstep_next")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.state}"


class DataChangeProgress(models.Model):
    """How far a data change has come in one tenant; `cursor` is whatever the change returned last."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="data_changes")
    name = models.CharField(max_length=80)
    cursor = models.CharField(max_length=200, blank=True)
    is_done = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    error = models.TextField(blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "name"], name="tenants_datachangeprogress_once")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.name}"


class OperationKind(models.TextChoices):
    """What can be done with a whole tenant."""

    EXPORT = "export"
    IMPORT = "import"
    CLONE = "clone"
    MOVE = "move"
    MOVE_BACK = "move_back"
    DELETE = "delete"


class OperationState(models.TextChoices):
    """`waiting` is a move that is done and keeps the old schema until it is confirmed or taken back."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    UNDONE = "undone"


class TenantOperation(models.Model):
    """One export, import, clone, move or deletion, and how far it has come. It outlives its tenant, so it points at no row.

    `step` is stored before the step runs. `fence` grows with each run, so that a run whose successor has begun changes nothing.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=OperationKind.choices)
    tenant_public_id = models.UUIDField()
    slug = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=OperationState.choices, default=OperationState.RUNNING)
    step = models.CharField(max_length=32, blank=True)
    data = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True)
    fence = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_public_id"], condition=models.Q(state="running"), name="tenants_operation_one_a_tenant"
            ),
            models.UniqueConstraint(fields=["slug"], condition=models.Q(state="running"), name="tenants_operation_one_a_slug"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_public_id", "-id"], name="tenants_operation_of_tenant")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"


class NameKind(models.TextChoices):
    """What a name of a deleted tenant was."""

    SLUG = "slug"
    HOST = "host"
    ADDRESS = "address"


class RetiredName(models.Model):
    """A name of a deleted tenant that nobody else may take yet, so that no newcomer gets its mail, links or visitors."""

    kind = models.CharField(max_length=8, choices=NameKind.choices)
    name = models.CharField(max_length=254)
    tenant_public_id = models.UUIDField()
    blocked_until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "name"], name="tenants_retiredname_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class AuditAnchor(models.Model):
    """How far the audit chain of a tenant (none: of the platform) had come, kept outside of its schema. Rows are added, never changed."""

    tenant_public_id = models.UUIDField(null=True)
    n = models.BigIntegerField()
    hash = models.BinaryField()
    set_at = models.DateTimeField()
    mac = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_public_id", "-n"], name="tenants_anchor_of_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant_public_id} {self.n}"

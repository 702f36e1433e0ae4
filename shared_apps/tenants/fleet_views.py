"""The platform API: how the fleet's migration goes, a run on request, one tenant tried again."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.tenants import selectors, services
from shared_apps.tenants.fleet.status import fleet_status, run_figures
from shared_apps.tenants.models import RunState, TenantState

READ, WRITE = "tenants.tenant.read", "tenants.tenant.write"


class FleetVersionSerializer(StrictSerializer):
    """How many tenants have a schema version."""

    fingerprint = serializers.CharField()
    state = serializers.ChoiceField(choices=TenantState.choices)
    tenants = serializers.IntegerField()
    is_current = serializers.BooleanField()
    is_served = serializers.BooleanField(help_text="Whether the running code serves it; otherwise its tenants answer 503")


class FleetRunSerializer(StrictSerializer):
    """A run over the tenants that are behind."""

    id = serializers.UUIDField()
    target = serializers.CharField(help_text="The fingerprint that the run leads to")
    state = serializers.ChoiceField(choices=RunState.choices)
    cluster = serializers.CharField(help_text="Empty for all")
    canaries = serializers.ListField(child=serializers.CharField(), help_text="Slugs of the tenants that went first")
    jobs = serializers.IntegerField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True, help_text="Tenants a second")
    remaining_seconds = serializers.FloatField(allow_null=True)
    elapsed_seconds = serializers.FloatField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class FleetFailureSerializer(StrictSerializer):
    """A tenant that could not be migrated and keeps its old schema."""

    tenant_id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField(help_text="The fingerprint it has")
    is_canary = serializers.BooleanField()
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    at = serializers.DateTimeField()


class DataChangeSerializer(StrictSerializer):
    """How far a change to every tenant's rows has come."""

    name = serializers.CharField()
    after = serializers.CharField(help_text="The migration it comes behind")
    tenants = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()


class MigrationsSerializer(StrictSerializer):
    """Where the fleet stands."""

    fingerprint = serializers.CharField(help_text="The schema version of the running code")
    versions = FleetVersionSerializer(many=True)
    run = FleetRunSerializer(allow_null=True, help_text="The run that is under way or was the last one")
    failures = FleetFailureSerializer(many=True)
    data_changes = DataChangeSerializer(many=True)


class MigrationsView(ApiView):
    """Shows where the fleet stands, and takes requests for a run."""

    tag = "platform"
    permissions_by_method: ClassVar = {"GET": READ, "POST": WRITE}
    operation_ids: ClassVar = {"GET": "readMigrations", "POST": "requestMigrations"}

    @extend_schema(summary="Read where the fleet's migration stands", responses=MigrationsSerializer)
    def get(self, request: Request) -> Response:
        return Response(fleet_status())

    @extend_schema(
        summary="Migrate the tenants that are behind",
        description="A worker replays the scripts that the deploy has derived (`manage.py migrate_fleet`).",
        request=None,
        responses={202: FleetRunSerializer},
    )
    def post(self, request: Request, **path: Any) -> Response:  # Any: path values
        return Response(run_figures(services.request_run()), status=202)


class TenantMigrationView(ApiView):
    """One tenant's migration is asked for by putting it."""

    tag = "platform"
    permission = WRITE
    operation_ids: ClassVar = {"PUT": "retryTenantMigration"}

    @extend_schema(summary="Try a tenant's migration again", request=None, responses={202: FleetRunSerializer})
    def put(self, request: Request, tenant_id: uuid.UUID) -> Response:
        tenant = selectors.tenants().filter(public_id=tenant_id).first()
        if tenant is None:
            raise NotFound
        return Response(run_figures(services.request_tenant_migration(tenant=tenant)), status=202)

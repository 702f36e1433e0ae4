"""The platform API: tenants, for operators on the base host."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.pagination import CursorQuerySerializer, page_body
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.tenants import selectors, services
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import OperationKind, OperationState, Tenant, TenantOperation, TenantState

READ, WRITE = "tenants.tenant.read", "tenants.tenant.write"
OPERATIONS_SHOWN = 50


class TenantSerializer(StrictSerializer):
    """A tenant as operators see it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    host = serializers.CharField()
    url = serializers.CharField()
    state = serializers.ChoiceField(choices=TenantState.choices)
    cluster = serializers.CharField()
    owner_email = serializers.CharField()
    is_outward_paused = serializers.BooleanField(help_text="A clone: no message and no mail ever leaves it")
    is_current = serializers.BooleanField(help_text="Whether the schema is at the platform's version")
    created_at = serializers.DateTimeField()


class TenantPageSerializer(StrictSerializer):
    """A page of tenants, newest first."""

    results = TenantSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class TenantQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The filters of the tenant list."""

    search = serializers.CharField(required=False, max_length=200, help_text="Part of a name, slug or owner address")
    state = serializers.ChoiceField(required=False, choices=TenantState.choices)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A bike shop", value={"name": "Canela Bikes", "slug": "canela", "owner_email": "owner@canela.example"}, request_only=True
        )
    ]
)
class TenantCreateSerializer(StrictSerializer):
    """A new tenant."""

    name = serializers.CharField(max_length=120)
    slug = serializers.CharField(max_length=40, help_text="2 to 32 lower-case letters, digits and inner hyphens; becomes the host name")
    owner_email = serializers.CharField(max_length=254, help_text="Gets the invitation")
    cluster = serializers.CharField(max_length=40, required=False, help_text="The PostgreSQL cluster that holds the tenant")


class TenantListView(ApiView):
    """Lists and creates tenants."""

    tag = "platform"
    permissions_by_method: ClassVar = {"GET": READ, "POST": WRITE}
    operation_ids: ClassVar = {"GET": "listTenants", "POST": "createTenant"}

    @extend_schema(summary="List tenants", parameters=[TenantQuerySerializer], responses=TenantPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(TenantQuerySerializer)
        page = selectors.tenant_page(
            search=query.get("search", ""), state=query.get("state", ""), cursor=query.get("cursor", ""), limit=query["limit"]
        )
        return Response(page_body(request, page, _row_json))

    @extend_schema(summary="Create a tenant", request=TenantCreateSerializer, responses={201: TenantSerializer})
    def post(self, request: Request, **path: Any) -> Response:  # Any: path values
        tenant = services.create_tenant(**self.read(TenantCreateSerializer, request.data))
        return Response(tenant_json(tenant), status=201)


class TenantView(ApiView):
    """Reads one tenant."""

    tag = "platform"
    permission = READ
    operation_ids: ClassVar = {"GET": "readTenant"}

    @extend_schema(summary="Read a tenant", responses=TenantSerializer)
    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        return Response(tenant_json(_find(tenant_id)))


class TenantOperationSerializer(StrictSerializer):
    """An export, import, clone, move or deletion of a whole tenant."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=OperationKind.choices)
    slug = serializers.CharField()
    state = serializers.ChoiceField(
        choices=OperationState.choices, help_text="`waiting`: a move that is done and keeps the old schema until it is confirmed"
    )
    step = serializers.CharField(help_text="The step that runs or was interrupted; empty at the end")
    error = serializers.CharField(help_text="Why the last run stopped")
    started_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    certificate = serializers.JSONField(allow_null=True, help_text="What a deletion certifies")


class TenantOperationsSerializer(StrictSerializer):
    """The newest operations of a tenant."""

    results = TenantOperationSerializer(many=True)


class TenantOperationListView(ApiView):
    """Reads what is or was done with a tenant as a whole; of a deleted one too, by its id."""

    tag = "platform"
    permission = READ
    operation_ids: ClassVar = {"GET": "listTenantOperations"}

    @extend_schema(summary="List a tenant's operations", responses=TenantOperationsSerializer)
    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        rows = list(selectors.operations_of(tenant_id)[:OPERATIONS_SHOWN])
        if not rows:
            _find(tenant_id)
        return Response({"results": [operation_json(row) for row in rows]})


class TenantSuspensionView(ApiView):
    """A tenant is suspended by putting its suspension, and resumed by deleting it."""

    tag = "platform"
    permission = WRITE
    operation_ids: ClassVar = {"PUT": "suspendTenant", "DELETE": "resumeTenant"}

    @extend_schema(summary="Suspend a tenant", request=None, responses=TenantSerializer)
    def put(self, request: Request, tenant_id: uuid.UUID) -> Response:
        return Response(tenant_json(services.suspend_tenant(tenant=_find(tenant_id))))

    @extend_schema(summary="Resume a suspended tenant", request=None, responses={200: TenantSerializer})
    def delete(self, request: Request, tenant_id: uuid.UUID) -> Response:
        return Response(tenant_json(services.resume_tenant(tenant=_find(tenant_id))))


def tenant_json(tenant: Tenant) -> dict[str, Any]:  # Any: JSON
    """The public shape of a tenant."""
    host = selectors.host_of(tenant.slug)
    return {
        "id": tenant.public_id,
        "name": tenant.name,
        "slug": tenant.slug,
        "host": host,
        "url": selectors.url_of(host),
        "state": tenant.state,
        "cluster": tenant.cluster,
        "owner_email": tenant.owner_email,
        "is_outward_paused": tenant.is_outward_paused,
        "is_current": tenant.fingerprint == tenant_fingerprint(),
        "created_at": tenant.created_at,
    }


def operation_json(row: TenantOperation) -> dict[str, Any]:  # Any: JSON
    """The public shape of an operation: how far it is, but no file names and no schema."""
    shown = ("kind", "slug", "state", "step", "error", "started_at", "updated_at", "finished_at")
    return {"id": row.public_id, **{name: getattr(row, name) for name in shown}, "certificate": row.data.get("certificate")}


def _row_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values in, JSON out
    return tenant_json(Tenant(**{name: row[name] for name in row if name not in {"host", "is_current"}}))


def _find(tenant_id: uuid.UUID) -> Tenant:
    tenant = selectors.tenants().filter(public_id=tenant_id).first()
    if tenant is None:
        raise NotFound
    return tenant

"""The API of permissions and roles."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.etag import etag, expected_version
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotAllowed, NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access import selectors, services
from tenant_apps.access.models import CustomRole, Visibility
from tenant_apps.access.permissions import CATALOGUE, SYSTEM_ROLES, Kind, Permission, RoleDefinition
from tenant_apps.access.reach import role_definitions

READ, MANAGE = "organization.member.read", "access.role.manage"
_EXAMPLE = {"name": "Mail team", "permissions": ["tickets.ticket.read", "messaging.message.read"], "visibility": "team"}


class PermissionSerializer(StrictSerializer):
    """One permission of the catalogue."""

    code = serializers.CharField(help_text="`area.resource.action`")
    description = serializers.CharField()
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in Kind],
        help_text="`object`: as far as scope and visibility go; `shared`: with any role; `tenant`: where a role is held tenant-wide",
    )
    needs = serializers.ListField(child=serializers.CharField(), help_text="Codes without which it is of no use")


class PermissionListSerializer(StrictSerializer):
    """The whole catalogue."""

    results = PermissionSerializer(many=True)


class RoleSerializer(StrictSerializer):
    """A role and how many members hold it."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    permissions = serializers.ListField(child=serializers.CharField())
    visibility = serializers.ChoiceField(choices=Visibility.choices, help_text="Which tickets a tenant-wide assignment reaches")
    is_system = serializers.BooleanField()
    members = serializers.IntegerField()
    version = serializers.IntegerField()


class RoleListSerializer(StrictSerializer):
    """All roles, the system's first."""

    results = RoleSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Reads the own team's tickets", value=_EXAMPLE, request_only=True)])
class RoleCreateSerializer(StrictSerializer):
    """A role of the tenant's own."""

    name = serializers.CharField(max_length=80)
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)
    permissions = serializers.ListField(child=serializers.CharField(max_length=80), max_length=200)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


@extend_schema_serializer(examples=[OpenApiExample("Another name", value={"name": "Mail and chat"}, request_only=True)])
class RoleUpdateSerializer(StrictSerializer):
    """What is left out stays."""

    name = serializers.CharField(required=False, max_length=80)
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)
    permissions = serializers.ListField(child=serializers.CharField(max_length=80), required=False, max_length=200)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


class PermissionListView(ApiView):
    """Lists the catalogue of permissions."""

    tag = "access"
    permission = READ
    operation_ids: ClassVar = {"GET": "listPermissions"}

    @extend_schema(summary="List the permissions there are", responses=PermissionListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_permission_json(permission) for permission in CATALOGUE.values()]})


class RoleListView(IdempotentPostView):
    """Lists roles and creates the tenant's own."""

    proof_methods = frozenset({"POST"})
    tag = "access"
    permissions_by_method: ClassVar = {"GET": READ, "POST": MANAGE}
    operation_ids: ClassVar = {"GET": "listRoles", "POST": "createRole"}

    @extend_schema(summary="List roles", responses=RoleListSerializer)
    def get(self, request: Request) -> Response:
        counts = selectors.holders_by_role()
        return Response({"results": [role_json(role, counts.get(role.key, 0)) for role in role_definitions().values()]})

    @extend_schema(summary="Create a role", request=RoleCreateSerializer, responses={201: RoleSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        body = self.read(RoleCreateSerializer, request.data)
        values = services.RoleValues(**{**body, "permissions": frozenset(body["permissions"])})
        role = services.create_role(by=self.user, values=values)
        return _answer(role.key, status=201)


class RoleView(ApiView):
    """Reads, changes and deletes one role. The system's roles cannot be changed."""

    proof_methods = frozenset({"DELETE", "PATCH", "PUT"})
    tag = "access"
    takes_if_match = True
    permissions_by_method: ClassVar = {"GET": READ, "PATCH": MANAGE, "DELETE": MANAGE}
    operation_ids: ClassVar = {"GET": "readRole", "PATCH": "updateRole", "DELETE": "deleteRole"}

    @extend_schema(summary="Read a role", responses=RoleSerializer)
    def get(self, request: Request, key: str) -> Response:
        return _answer(key)

    @extend_schema(summary="Change a role", request=RoleUpdateSerializer, responses=RoleSerializer)
    def patch(self, request: Request, key: str) -> Response:
        role = _custom(key)
        body = self.read(RoleUpdateSerializer, request.data)
        present = {"name": role.name, "description": role.description, "permissions": role.permissions, "visibility": role.visibility}
        merged = {**present, **body}
        values = services.RoleValues(**{**merged, "permissions": frozenset(merged["permissions"])})
        services.update_role(by=self.user, role=role, values=values, expected_version=expected_version(request))
        return _answer(key)

    @extend_schema(summary="Delete a role that nobody holds", request=None, responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        services.delete_role(by=self.user, role=_custom(key), expected_version=expected_version(request))
        return Response(status=204)


def role_json(role: RoleDefinition, members: int) -> dict[str, Any]:  # Any: JSON
    """A role as the API shows it."""
    return {
        "key": role.key,
        "name": str(role.name),
        "description": str(role.description),
        "permissions": sorted(role.codes),
        "visibility": role.visibility,
        "is_system": role.is_system,
        "members": members,
        "version": role.version,
    }


def _permission_json(permission: Permission) -> dict[str, Any]:  # Any: JSON
    return {"code": permission.code, "description": str(permission.text), "kind": permission.kind.value, "needs": list(permission.needs)}


def _answer(key: str, status: int = 200) -> Response:
    role = role_definitions().get(key)
    if role is None:
        raise NotFound
    return Response(role_json(role, selectors.holders_by_role().get(key, 0)), status=status, headers={"ETag": etag(role.version)})


def _custom(key: str) -> CustomRole:
    if key in SYSTEM_ROLES:
        raise NotAllowed("The roles of the system cannot be changed")
    role = selectors.custom_role(key)
    if role is None:
        raise NotFound
    return role

"""The API of API keys, of one's own profile with its permissions, and of the tenant's isolation."""

import dataclasses
import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts import selectors as accounts
from shared_apps.accounts import services
from shared_apps.accounts.models import ApiKey, Language, Theme
from shared_apps.tenants.isolation import CHECKS, isolation_facts

from tenant_apps.access import selectors

MANAGE = "access.apikey.manage"


class ApiKeySerializer(StrictSerializer):
    """An API key, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    user = serializers.UUIDField(help_text="The user the key acts as")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewApiKeySerializer(ApiKeySerializer):
    """A fresh key; `key` is shown this once."""

    key = serializers.CharField()


class ApiKeyListSerializer(StrictSerializer):
    """All keys, newest first."""

    results = ApiKeySerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A key", value={"name": "Reporting"}, request_only=True)])
class ApiKeyCreateSerializer(StrictSerializer):
    """A key acts as the user who creates it."""

    name = serializers.CharField(max_length=80)


class ProfileSerializer(StrictSerializer):
    """The signed-in user."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    language = serializers.ChoiceField(choices=Language.choices)
    theme = serializers.ChoiceField(choices=Theme.choices)
    time_zone = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(examples=[OpenApiExample("The theme of the device", value={"theme": "system"}, request_only=True)])
class ProfileUpdateSerializer(StrictSerializer):
    """What users may set themselves."""

    name = serializers.CharField(required=False, max_length=120)
    language = serializers.CharField(required=False, max_length=8)
    theme = serializers.CharField(required=False, max_length=8)
    time_zone = serializers.CharField(required=False, max_length=64)


class IsolationCheckSerializer(StrictSerializer):
    """One property of the isolation, measured when asked."""

    key = serializers.ChoiceField(choices=CHECKS)
    is_met = serializers.BooleanField()


class IsolationSerializer(StrictSerializer):
    """How the tenant is kept apart from others."""

    schema = serializers.CharField(help_text="The tenant's own schema in the database; the name is random")
    role = serializers.CharField(help_text="The only role that may use that schema")
    cluster = serializers.CharField(help_text="The group of servers that holds it")
    hosts = serializers.ListField(child=serializers.CharField(), help_text="The host names that lead here, the main one first")
    checks = IsolationCheckSerializer(many=True)


class ApiKeyListView(ApiView):
    """Lists and creates API keys. An Idempotency-Key is not taken: the answer holds a secret that is never stored."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "listApiKeys", "POST": "createApiKey"}

    @extend_schema(summary="List API keys", responses=ApiKeyListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_key_json(key) for key in accounts.api_keys()]})

    @extend_schema(summary="Create an API key", request=ApiKeyCreateSerializer, responses={201: NewApiKeySerializer})
    def post(self, request: Request, **path: Any) -> Response:  # Any: path values
        body = self.read(ApiKeyCreateSerializer, request.data)
        key, clear_text = services.create_api_key(user=self.user, name=body["name"])
        return Response({**_key_json(key), "key": clear_text}, status=201)


class ApiKeyView(ApiView):
    """Revokes one key."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "revokeApiKey"}

    @extend_schema(summary="Revoke an API key", request=None, responses={204: None})
    def delete(self, request: Request, key_id: uuid.UUID) -> Response:
        key = accounts.api_keys().filter(public_id=key_id).first()
        if key is None:
            raise NotFound
        services.revoke_api_key(key=key)
        return Response(status=204)


class ProfileView(ApiView):
    """Reads and changes the signed-in user's own profile."""

    tag = "access"
    operation_ids: ClassVar = {"GET": "readProfile", "PATCH": "updateProfile"}
    permission = "organization.member.read"

    @extend_schema(summary="Read your profile", responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        return Response(_profile_json(request.user))

    @extend_schema(summary="Change your profile", request=ProfileUpdateSerializer, responses=ProfileSerializer)
    def patch(self, request: Request) -> Response:
        user = self.user
        body = self.read(ProfileUpdateSerializer, request.data)
        current = {"name": user.name, "language": user.language, "theme": user.theme, "time_zone": user.time_zone}
        return Response(_profile_json(services.update_profile(user=user, **{**current, **body})))


class IsolationView(ApiView):
    """Reads how the tenant is kept apart from others."""

    tag = "access"
    operation_ids: ClassVar = {"GET": "readIsolation"}
    permission = "access.isolation.read"

    @extend_schema(summary="Read the isolation of your organization", responses=IsolationSerializer)
    def get(self, request: Request) -> Response:
        return Response(dataclasses.asdict(isolation_facts()))


def _key_json(key: ApiKey) -> dict[str, Any]:  # Any: JSON
    return {"id": key.public_id, "name": key.name, "user": key.user.public_id, "created_at": key.created, "last_used_at": key.last_used_at}


def _profile_json(user: Any) -> dict[str, Any]:  # Any: the user; JSON
    return {
        "id": user.public_id,
        "email": user.email,
        "name": user.name,
        "language": user.language,
        "theme": user.theme,
        "time_zone": user.time_zone,
        "permissions": sorted(selectors.permissions_of(user)),
    }

"""The API of one's own profile with its permissions, and of the tenant's isolation."""

import dataclasses
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts import services
from shared_apps.accounts.models import Language, Theme
from shared_apps.tenants.isolation import CHECKS, isolation_facts

from tenant_apps.access import selectors


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

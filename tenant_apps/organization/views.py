"""The API of teams and colleagues."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.organization import selectors


class TeamSerializer(StrictSerializer):
    """A team."""

    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()


class AgentSerializer(StrictSerializer):
    """Someone who can be assigned."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()


class TeamListSerializer(StrictSerializer):
    """All teams."""

    results = TeamSerializer(many=True)


class AgentListSerializer(StrictSerializer):
    """All agents."""

    results = AgentSerializer(many=True)


class TeamListView(ApiView):
    """Lists teams."""

    tag = "organization"
    permission = "organization.member.read"
    operation_ids: ClassVar = {"GET": "listTeams"}

    @extend_schema(summary="List teams", responses=TeamListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [{"id": team.public_id, "key": team.key, "name": team.name} for team in selectors.teams()]})


class AgentListView(ApiView):
    """Lists agents."""

    tag = "organization"
    permission = "organization.member.read"
    operation_ids: ClassVar = {"GET": "listAgents"}

    @extend_schema(summary="List agents", responses=AgentListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [{"id": user.public_id, "name": user.name, "email": user.email} for user in selectors.agents()]})

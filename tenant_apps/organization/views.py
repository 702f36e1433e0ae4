"""The API of teams and colleagues."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts.models import User
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access.selectors import member
from tenant_apps.organization import selectors, services
from tenant_apps.organization.models import Team

READ, MANAGE = "organization.member.read", "organization.team.manage"


class TeamSerializer(StrictSerializer):
    """A team and how many members it has."""

    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    members = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("A team", value={"name": "Workshop"}, request_only=True)])
class TeamNameSerializer(StrictSerializer):
    """The name of a team."""

    name = serializers.CharField(max_length=80)


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


class TeamListView(IdempotentPostView):
    """Lists and creates teams."""

    tag = "organization"
    permissions_by_method: ClassVar = {"GET": READ, "POST": MANAGE}
    operation_ids: ClassVar = {"GET": "listTeams", "POST": "createTeam"}

    @extend_schema(summary="List teams", responses=TeamListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_team_json(team) for team in selectors.teams_with_size()]})

    @extend_schema(summary="Create a team", request=TeamNameSerializer, responses={201: TeamSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        team = services.create_team(name=self.read(TeamNameSerializer, request.data)["name"])
        return Response(_team_json(_team(team.public_id)), status=201)


class TeamView(ApiView):
    """Renames and deletes a team."""

    tag = "organization"
    permission = MANAGE
    operation_ids: ClassVar = {"PATCH": "renameTeam", "DELETE": "deleteTeam"}

    @extend_schema(summary="Rename a team", request=TeamNameSerializer, responses=TeamSerializer)
    def patch(self, request: Request, team_id: uuid.UUID) -> Response:
        services.rename_team(team=_team(team_id), name=self.read(TeamNameSerializer, request.data)["name"])
        return Response(_team_json(_team(team_id)))

    @extend_schema(summary="Delete a team that nothing belongs to", request=None, responses={204: None})
    def delete(self, request: Request, team_id: uuid.UUID) -> Response:
        services.delete_team(team=_team(team_id))
        return Response(status=204)


class TeamMemberListView(ApiView):
    """Lists a team's members."""

    tag = "organization"
    permission = READ
    operation_ids: ClassVar = {"GET": "listTeamMembers"}

    @extend_schema(summary="List a team's members", responses=AgentListSerializer)
    def get(self, request: Request, team_id: uuid.UUID) -> Response:
        return Response({"results": [_agent_json(user) for user in selectors.members_of(_team(team_id))]})


class TeamMemberView(ApiView):
    """Adds a member to a team, or takes one out."""

    tag = "organization"
    permission = MANAGE
    operation_ids: ClassVar = {"PUT": "addTeamMember", "DELETE": "removeTeamMember"}

    @extend_schema(summary="Add a member to a team", request=None, responses={204: None})
    def put(self, request: Request, team_id: uuid.UUID, user_id: uuid.UUID) -> Response:
        services.add_team_member(team=_team(team_id), user=_user(user_id))
        return Response(status=204)

    @extend_schema(summary="Take a member out of a team", request=None, responses={204: None})
    def delete(self, request: Request, team_id: uuid.UUID, user_id: uuid.UUID) -> Response:
        services.remove_team_member(team=_team(team_id), user=_user(user_id))
        return Response(status=204)


class AgentListView(ApiView):
    """Lists agents."""

    tag = "organization"
    permission = "organization.member.read"
    operation_ids: ClassVar = {"GET": "listAgents"}

    @extend_schema(summary="List agents", responses=AgentListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_agent_json(user) for user in selectors.agents()]})


def _team_json(team: Any) -> dict[str, Any]:  # Any: a team with its size; JSON
    return {"id": team.public_id, "key": team.key, "name": team.name, "members": team.size}


def _agent_json(user: User) -> dict[str, Any]:  # Any: JSON
    return {"id": user.public_id, "name": user.name, "email": user.email}


def _team(team_id: uuid.UUID) -> Team:
    found = selectors.teams_with_size().filter(public_id=team_id).first()
    if found is None:
        raise NotFound
    return found


def _user(user_id: uuid.UUID) -> User:
    found = member(user_id)
    if found is None:
        raise NotFound
    return found

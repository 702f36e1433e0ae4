"""Reads of the tenant's own people."""

import uuid
from collections.abc import Iterable

from django.db.models import Count, QuerySet
from shared_apps.accounts.models import User

from tenant_apps.access.scopes import Scope
from tenant_apps.organization.models import Team, TeamMembership


def teams() -> "QuerySet[Team]":
    """All teams by name."""
    return Team.objects.order_by("name", "id")


def agents() -> "QuerySet[User]":
    """Everyone who may be assigned, by name; nobody assigns work to a service account."""
    return User.objects.filter(is_active=True, is_service=False, role_assignments__isnull=False).distinct().order_by("name", "id")


def teams_with_size() -> "QuerySet[Team]":
    """All teams by name, each with `size`, the number of its members."""
    return teams().annotate(size=Count("memberships"))


def members_of(team: Team) -> "QuerySet[User]":
    """The active members of a team by name."""
    return User.objects.filter(is_active=True, team_memberships__team=team).order_by("name", "id")


def team_by_id(public_id: uuid.UUID) -> Team | None:
    """One team."""
    return Team.objects.filter(public_id=public_id).first()


def team_scope(public_id: uuid.UUID) -> Scope | None:
    """A team as the scope of a role."""
    team = team_by_id(public_id)
    return Scope(team.pk, team.public_id, team.name) if team else None


def team_scopes(keys: Iterable[int]) -> dict[int, Scope]:
    """Teams as scopes, by key."""
    return {team.pk: Scope(team.pk, team.public_id, team.name) for team in Team.objects.filter(pk__in=list(keys))}


def team_keys_of(user_id: int) -> frozenset[int]:
    """The teams a user is a member of."""
    return frozenset(TeamMembership.objects.filter(user_id=user_id).values_list("team_id", flat=True))

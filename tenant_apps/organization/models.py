"""The tenant's own people: teams and who is in them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from kernel.ids import new_id


class Team(models.Model):
    """A group of agents that owns work together."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="TeamMembership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    """A user's place in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["team", "user"], name="organization_membership_once")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.user_id}"

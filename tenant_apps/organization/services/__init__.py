"""What can be done with teams."""

from tenant_apps.organization.services.teams import add_team_member, create_team, delete_team, remove_team_member, rename_team

__all__ = ["add_team_member", "create_team", "delete_team", "remove_team_member", "rename_team"]

"""What can be done with roles and those who hold them."""

from tenant_apps.access.services.assignments import assign_role, bump_access_version, grant_role, withdraw_all_in_scope, withdraw_role
from tenant_apps.access.services.invitations import grant_invited_role, invite_member, renew_invitation, withdraw_invitation
from tenant_apps.access.services.members import LEAVERS, deactivate_member, reset_member_second_step
from tenant_apps.access.services.roles import RoleValues, create_role, delete_role, update_role

__all__ = [
    "LEAVERS",
    "RoleValues",
    "assign_role",
    "bump_access_version",
    "create_role",
    "deactivate_member",
    "delete_role",
    "grant_invited_role",
    "grant_role",
    "invite_member",
    "renew_invitation",
    "reset_member_second_step",
    "update_role",
    "withdraw_all_in_scope",
    "withdraw_invitation",
    "withdraw_role",
]

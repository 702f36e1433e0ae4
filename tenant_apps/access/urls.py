"""Routes of the access API."""

from django.urls import path

from tenant_apps.access.api import invitations, keys, members, profile, roles, second_step

urlpatterns = [
    path("access/explain", members.ExplainView.as_view(), name="access-explain"),
    path("invitations", invitations.InvitationListView.as_view(), name="invitations"),
    path("invitations/<uuid:invitation_id>", invitations.InvitationView.as_view(), name="invitation-open"),
    path("invitations/<uuid:invitation_id>/renewal", invitations.InvitationRenewalView.as_view(), name="invitation-renewal"),
    path("members", members.MemberListView.as_view(), name="members"),
    path("members/<uuid:member_id>", members.MemberView.as_view(), name="member"),
    path("members/<uuid:member_id>/deactivation", members.MemberDeactivationView.as_view(), name="member-deactivation"),
    path("members/<uuid:member_id>/roles", members.MemberRoleListView.as_view(), name="member-roles"),
    path("members/<uuid:member_id>/roles/<uuid:assignment_id>", members.MemberRoleView.as_view(), name="member-role"),
    path("permissions", roles.PermissionListView.as_view(), name="permissions"),
    path("roles", roles.RoleListView.as_view(), name="roles"),
    path("roles/<slug:key>", roles.RoleView.as_view(), name="role"),
    path("api-keys", keys.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>", keys.ApiKeyView.as_view(), name="api-key"),
    path("api-keys/<uuid:key_id>/rotation", keys.ApiKeyRotationView.as_view(), name="api-key-rotation"),
    path("service-accounts", keys.ServiceAccountListView.as_view(), name="service-accounts"),
    path("service-accounts/<uuid:account_id>", keys.ServiceAccountView.as_view(), name="service-account"),
    path("isolation", profile.IsolationView.as_view(), name="isolation"),
    path("profile", profile.ProfileView.as_view(), name="profile"),
    path("members/<uuid:member_id>/second-step", second_step.MemberSecondStepView.as_view(), name="member-second-step"),
]

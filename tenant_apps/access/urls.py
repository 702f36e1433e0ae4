"""Routes of the access API."""

from django.urls import path

from tenant_apps.access.api import invitations, keys, members, profile, roles, second_step, security

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
    path("profile/password", security.PasswordView.as_view(), name="profile-password"),
    path("profile/email-changes", security.EmailChangeView.as_view(), name="profile-email-changes"),
    path("profile/second-step", second_step.SecondStepView.as_view(), name="profile-second-step"),
    path("profile/second-step/enrolments", second_step.SecondStepEnrolmentView.as_view(), name="profile-second-step-enrolments"),
    path("profile/second-step/recovery-codes", second_step.RecoveryCodesView.as_view(), name="profile-recovery-codes"),
    path("profile/second-step/removals", second_step.SecondStepRemovalView.as_view(), name="profile-second-step-removals"),
    path("members/<uuid:member_id>/second-step", second_step.MemberSecondStepView.as_view(), name="member-second-step"),
    path("profile/sessions", security.SessionListView.as_view(), name="profile-sessions"),
    path("profile/sessions/<uuid:session_id>", security.SessionView.as_view(), name="profile-session"),
    path("password-resets", security.PasswordResetListView.as_view(), name="password-resets"),
    path("password-resets/<str:reset_token>", security.PasswordResetView.as_view(), name="password-reset"),
    path("email-changes/<str:email_token>", security.EmailConfirmationView.as_view(), name="email-confirmation"),
    path("email-undos/<str:undo_token>", security.EmailUndoView.as_view(), name="email-undo"),
]

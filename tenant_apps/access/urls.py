"""Routes of the access API."""

from django.urls import path

from tenant_apps.access import invitation_views, key_views, member_views, role_views, second_step_views, security_views, views

urlpatterns = [
    path("access/explain", member_views.ExplainView.as_view(), name="access-explain"),
    path("invitations", invitation_views.InvitationListView.as_view(), name="invitations"),
    path("invitations/<uuid:invitation_id>", invitation_views.InvitationView.as_view(), name="invitation-open"),
    path("invitations/<uuid:invitation_id>/renewal", invitation_views.InvitationRenewalView.as_view(), name="invitation-renewal"),
    path("members", member_views.MemberListView.as_view(), name="members"),
    path("members/<uuid:member_id>", member_views.MemberView.as_view(), name="member"),
    path("members/<uuid:member_id>/deactivation", member_views.MemberDeactivationView.as_view(), name="member-deactivation"),
    path("members/<uuid:member_id>/roles", member_views.MemberRoleListView.as_view(), name="member-roles"),
    path("members/<uuid:member_id>/roles/<uuid:assignment_id>", member_views.MemberRoleView.as_view(), name="member-role"),
    path("permissions", role_views.PermissionListView.as_view(), name="permissions"),
    path("roles", role_views.RoleListView.as_view(), name="roles"),
    path("roles/<slug:key>", role_views.RoleView.as_view(), name="role"),
    path("api-keys", key_views.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>", key_views.ApiKeyView.as_view(), name="api-key"),
    path("api-keys/<uuid:key_id>/rotation", key_views.ApiKeyRotationView.as_view(), name="api-key-rotation"),
    path("service-accounts", key_views.ServiceAccountListView.as_view(), name="service-accounts"),
    path("service-accounts/<uuid:account_id>", key_views.ServiceAccountView.as_view(), name="service-account"),
    path("isolation", views.IsolationView.as_view(), name="isolation"),
    path("profile", views.ProfileView.as_view(), name="profile"),
    path("profile/password", security_views.PasswordView.as_view(), name="profile-password"),
    path("profile/email-changes", security_views.EmailChangeView.as_view(), name="profile-email-changes"),
    path("profile/second-step", second_step_views.SecondStepView.as_view(), name="profile-second-step"),
    path("profile/second-step/enrolments", second_step_views.SecondStepEnrolmentView.as_view(), name="profile-second-step-enrolments"),
    path("profile/second-step/recovery-codes", second_step_views.RecoveryCodesView.as_view(), name="profile-recovery-codes"),
    path("profile/second-step/removals", second_step_views.SecondStepRemovalView.as_view(), name="profile-second-step-removals"),
    path("members/<uuid:member_id>/second-step", second_step_views.MemberSecondStepView.as_view(), name="member-second-step"),
    path("profile/sessions", security_views.SessionListView.as_view(), name="profile-sessions"),
    path("profile/sessions/<uuid:session_id>", security_views.SessionView.as_view(), name="profile-session"),
    path("password-resets", security_views.PasswordResetListView.as_view(), name="password-resets"),
    path("password-resets/<str:reset_token>", security_views.PasswordResetView.as_view(), name="password-reset"),
    path("email-changes/<str:email_token>", security_views.EmailConfirmationView.as_view(), name="email-confirmation"),
    path("email-undos/<str:undo_token>", security_views.EmailUndoView.as_view(), name="email-undo"),
]

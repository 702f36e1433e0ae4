"""Routes of the pages on a tenant's host."""

from django.urls import path

from tenant_apps.workspace.pages import audit, inbox, keys, members, message, profile, read, roles, session, settings, ticket

urlpatterns = [
    path("", inbox.Home.as_view(), name="home"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    path("sign-out/", session.SignOut.as_view(), name="sign-out"),
    path("invitations/<str:token>/", session.AcceptInvitation.as_view(), name="invitation"),
    path("me/", profile.Profile.as_view(), name="profile"),
    path("me/theme/", profile.ThemeChoice.as_view(), name="theme"),
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/counts/", inbox.Counts.as_view(), name="inbox-counts"),
    path("inbox/since/<int:seq>/", inbox.Since.as_view(), name="inbox-since"),
    path("inbox/v/<path:view>/", inbox.Inbox.as_view(), name="inbox-view"),
    path("inbox/files/<uuid:attachment_id>/", message.FileLink.as_view(), name="inbox-file"),
    path("inbox/<uuid:ticket_id>/", ticket.TicketPage.as_view(), name="inbox-ticket"),
    path("inbox/<uuid:ticket_id>/since/<int:seq>/", inbox.Since.as_view(), name="inbox-ticket-since"),
    path("inbox/<uuid:ticket_id>/fields/", ticket.Fields.as_view(), name="inbox-fields"),
    path("inbox/<uuid:ticket_id>/resolve/", ticket.Resolve.as_view(), name="inbox-resolve"),
    path("inbox/<uuid:ticket_id>/reopen/", ticket.Reopen.as_view(), name="inbox-reopen"),
    path("inbox/<uuid:ticket_id>/read/", read.MarkRead.as_view(), name="inbox-read"),
    path("inbox/<uuid:ticket_id>/messages/", message.Messages.as_view(), name="inbox-messages"),
    path("inbox/<uuid:ticket_id>/messages/<uuid:message_id>/retry/", message.Retry.as_view(), name="inbox-retry"),
    path("settings/intake/", settings.Intake.as_view(), name="settings-intake"),
    path("settings/intake/<uuid:event_id>/run/", settings.RunAgain.as_view(), name="settings-intake-run"),
    path("settings/isolation/", settings.Isolation.as_view(), name="settings-isolation"),
    path("settings/members/", members.Members.as_view(), name="settings-members"),
    path("settings/members/invitations/<uuid:invitation_id>/renew/", members.InvitationRenew.as_view(), name="settings-invitation-renew"),
    path("settings/members/invitations/<uuid:invitation_id>/end/", members.InvitationWithdraw.as_view(), name="settings-invitation-end"),
    path("settings/members/<uuid:member_id>/", members.Member.as_view(), name="settings-member"),
    path("settings/members/<uuid:member_id>/roles/", members.MemberRoles.as_view(), name="settings-member-roles"),
    path(
        "settings/members/<uuid:member_id>/roles/<uuid:assignment_id>/take/", members.MemberRoleTake.as_view(), name="settings-member-role"
    ),
    path("settings/members/<uuid:member_id>/end/", members.MemberDeactivate.as_view(), name="settings-member-end"),
    path("settings/roles/", roles.Roles.as_view(), name="settings-roles"),
    path("settings/roles/new/", roles.RoleNew.as_view(), name="settings-role-new"),
    path("settings/roles/<slug:key>/", roles.Role.as_view(), name="settings-role"),
    path("settings/roles/<slug:key>/delete/", roles.RoleDelete.as_view(), name="settings-role-delete"),
    path("settings/teams/", roles.Teams.as_view(), name="settings-teams"),
    path("settings/teams/<uuid:team_id>/", roles.TeamChange.as_view(), name="settings-team"),
    path("settings/audit/", audit.AuditTrail.as_view(), name="settings-audit"),
    path("settings/keys/", keys.ApiKeys.as_view(), name="settings-keys"),
    path("settings/keys/<uuid:key_id>/revoke/", keys.RevokeKey.as_view(), name="settings-key-revoke"),
    path("settings/keys/<uuid:key_id>/rotate/", keys.RotateKey.as_view(), name="settings-key-rotate"),
    path("settings/keys/accounts/", keys.ServiceAccounts.as_view(), name="settings-accounts"),
    path("settings/keys/accounts/<uuid:account_id>/end/", keys.EndServiceAccount.as_view(), name="settings-account-end"),
]

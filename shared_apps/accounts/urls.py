"""Routes of the API of one's own log-in; `mailbox_patterns` write mails, which only tenants can."""

from django.urls import path

from shared_apps.accounts.api import passkeys, second_step, security, sign_in

own_patterns = [
    path("sign-in", sign_in.SignInView.as_view(), name="api-sign-in"),
    path("sign-in/code", sign_in.SignInCodeView.as_view(), name="api-sign-in-code"),
    path("sign-in/passkey", sign_in.SignInPasskeyView.as_view(), name="api-sign-in-passkey"),
    path("sign-in/passkey-options", sign_in.SignInPasskeyOptionsView.as_view(), name="api-sign-in-passkey-options"),
    path("sign-out", sign_in.SignOutView.as_view(), name="api-sign-out"),
    path("profile/passkeys", passkeys.PasskeyListView.as_view(), name="profile-passkeys"),
    path("profile/passkeys/options", passkeys.PasskeyOptionsView.as_view(), name="profile-passkey-options"),
    path("profile/passkeys/<uuid:passkey_id>", passkeys.PasskeyView.as_view(), name="profile-passkey"),
    path("profile/password", security.PasswordView.as_view(), name="profile-password"),
    path("profile/proof", passkeys.ProofView.as_view(), name="profile-proof"),
    path("profile/proof/options", passkeys.ProofOptionsView.as_view(), name="profile-proof-options"),
    path("profile/second-step", second_step.SecondStepView.as_view(), name="profile-second-step"),
    path("profile/second-step/enrolments", second_step.SecondStepEnrolmentView.as_view(), name="profile-second-step-enrolments"),
    path("profile/second-step/recovery-codes", second_step.RecoveryCodesView.as_view(), name="profile-recovery-codes"),
    path("profile/second-step/removals", second_step.SecondStepRemovalView.as_view(), name="profile-second-step-removals"),
    path("profile/sessions", security.SessionListView.as_view(), name="profile-sessions"),
    path("profile/sessions/<uuid:session_id>", security.SessionView.as_view(), name="profile-session"),
]
mailbox_patterns = [
    path("profile/email-changes", security.EmailChangeView.as_view(), name="profile-email-changes"),
    path("password-resets", security.PasswordResetListView.as_view(), name="password-resets"),
    path("password-resets/<str:reset_token>", security.PasswordResetView.as_view(), name="password-reset"),
    path("email-changes/<str:email_token>", security.EmailConfirmationView.as_view(), name="email-confirmation"),
    path("email-undos/<str:undo_token>", security.EmailUndoView.as_view(), name="email-undo"),
]

"""The pages of one's own log-in, for whichever site they stand on."""

from django.urls import URLPattern, path

from shared_apps.accounts.pages import passkeys, second_step, security
from shared_apps.accounts.site import Site


def own_pages(site: Site) -> list[URLPattern]:
    """Their routes."""
    at, given = site.security.strip("/"), {"site": site}
    patterns = [
        path("sign-in/code/", second_step.SignInCode.as_view(**given), name="sign-in-code"),
        path("step-up/", security.StepUp.as_view(home=site.home), name="step-up"),
        path(f"{at}/", security.Security.as_view(**given), name="security"),
        path(f"{at}/second-step/begin/", second_step.BeginSecondStep.as_view(**given), name="second-step-begin"),
        path(f"{at}/second-step/", second_step.EnableSecondStep.as_view(**given), name="second-step"),
        path(f"{at}/second-step/disable/", second_step.DisableSecondStep.as_view(**given), name="second-step-disable"),
        path(f"{at}/second-step/codes/", second_step.RenewRecoveryCodes.as_view(**given), name="second-step-codes"),
        path(f"{at}/password/", security.ChangePassword.as_view(**given), name="security-password"),
        path(f"{at}/sessions/end/", security.EndOtherSessions.as_view(**given), name="security-sessions-end"),
        path(f"{at}/sessions/<uuid:session_id>/end/", security.EndSession.as_view(**given), name="security-session-end"),
    ]
    if site.has_mailbox:
        patterns.append(path(f"{at}/email/", security.ChangeEmail.as_view(**given), name="security-email"))
    if site.has_passkeys:
        patterns += [
            path(f"{at}/passkeys/new/", passkeys.NewPasskey.as_view(**given), name="passkey-new"),
            path(f"{at}/passkeys/<uuid:passkey_id>/remove/", passkeys.RemovePasskey.as_view(**given), name="passkey-remove"),
        ]
    return patterns

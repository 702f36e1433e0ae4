"""What can be done with log-ins."""

from shared_apps.accounts.services.api_keys import KeyLimits, create_api_key, create_service_account, revoke_api_key, rotate_api_key
from shared_apps.accounts.services.email_changes import confirm_email_change, request_email_change, undo_email_change
from shared_apps.accounts.services.invitations import accept_invitation, end_open_invitations, invite, send_invitation, sweep
from shared_apps.accounts.services.mails import forget_old_mails, send_account_mail
from shared_apps.accounts.services.passkeys import add_passkey, count_passkey_try, remove_passkey, rename_passkey, take_passkey
from shared_apps.accounts.services.passwords import (
    change_password,
    confirm_password,
    count_link_try,
    open_mail,
    request_password_reset,
    reset_password,
)
from shared_apps.accounts.services.second_steps import (
    disable_second_step,
    enable_second_step,
    renew_recovery_codes,
    reset_second_step,
    take_second_step,
)
from shared_apps.accounts.services.sessions import (
    carry_session,
    end_session,
    end_sessions,
    forget_ended_sessions,
    open_session,
    see_session,
)
from shared_apps.accounts.services.users import check_credentials, create_user, deactivate_user, update_profile
from shared_apps.accounts.services.voiding import void_credentials

__all__ = [
    "KeyLimits",
    "accept_invitation",
    "add_passkey",
    "carry_session",
    "change_password",
    "check_credentials",
    "confirm_email_change",
    "confirm_password",
    "count_link_try",
    "count_passkey_try",
    "create_api_key",
    "create_service_account",
    "create_user",
    "deactivate_user",
    "disable_second_step",
    "enable_second_step",
    "end_open_invitations",
    "end_session",
    "end_sessions",
    "forget_ended_sessions",
    "forget_old_mails",
    "invite",
    "open_mail",
    "open_session",
    "remove_passkey",
    "rename_passkey",
    "renew_recovery_codes",
    "request_email_change",
    "request_password_reset",
    "reset_password",
    "reset_second_step",
    "revoke_api_key",
    "rotate_api_key",
    "see_session",
    "send_account_mail",
    "send_invitation",
    "sweep",
    "take_passkey",
    "take_second_step",
    "undo_email_change",
    "update_profile",
    "void_credentials",
]

"""What can be done with log-ins."""

from shared_apps.accounts.services.api_keys import KeyLimits, create_api_key, create_service_account, revoke_api_key, rotate_api_key
from shared_apps.accounts.services.invitations import accept_invitation, end_open_invitations, invite, send_invitation, sweep
from shared_apps.accounts.services.users import check_credentials, create_user, deactivate_user, update_profile

__all__ = [
    "KeyLimits",
    "accept_invitation",
    "check_credentials",
    "create_api_key",
    "create_service_account",
    "create_user",
    "deactivate_user",
    "end_open_invitations",
    "invite",
    "revoke_api_key",
    "rotate_api_key",
    "send_invitation",
    "sweep",
    "update_profile",
]

"""What the page of one's own security shows."""

from typing import Any

from django.utils.translation import gettext as _
from kernel.crypto import digest
from shared_apps.accounts.devices import device_of
from shared_apps.accounts.models import UserSession


def session_rows(rows: list[UserSession], session_key: str) -> list[dict[str, Any]]:  # Any: template context
    """The sessions with the name of their device, the present one first."""
    here = digest(session_key)
    shown = [{"row": row, "device": _device(row.user_agent), "is_current": row.session_digest == here} for row in rows]
    return sorted(shown, key=lambda one: not one["is_current"])


def _device(user_agent: str) -> str:
    browser, system = device_of(user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")

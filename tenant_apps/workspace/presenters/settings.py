"""The settings pages: inbound events in words, keys with their owners."""

from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from kernel.clock import now
from shared_apps.accounts.models import ApiKey
from ui.faces import face

from tenant_apps.intake.models import InboundState
from tenant_apps.workspace.presenters.rows import CHANNEL_ICONS

LIFETIMES: Final = (
    ("", gettext_lazy("No end")),
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("1 year")),
)
_STATES: Final = {
    InboundState.RECEIVED: (pgettext_lazy("inbound", "Waiting"), pgettext_lazy("inbound messages", "Waiting"), "info", "clock"),
    InboundState.PROCESSING: (pgettext_lazy("inbound", "In work"), pgettext_lazy("inbound messages", "In work"), "info", "rotate-cw"),
    InboundState.DONE: (pgettext_lazy("inbound", "Done"), pgettext_lazy("inbound messages", "Done"), "ok", "circle-check"),
    InboundState.IGNORED: (pgettext_lazy("inbound", "Ignored"), pgettext_lazy("inbound messages", "Ignored"), "", "circle-dashed"),
    InboundState.PARKED: (pgettext_lazy("inbound", "Parked"), pgettext_lazy("inbound messages", "Parked"), "warn", "triangle-alert"),
}
"""What a state is called of one message and of many, its tone and its icon."""


def intake_context(
    rows: list[dict[str, Any]], counts: dict[str, int], state: str
) -> dict[str, Any]:  # Any: column values; template context
    """Rows with their state in words, and the tabs with real numbers."""
    tabs = [("", pgettext("inbound messages", "All"), sum(counts.values()), state == "")]
    tabs += [(key, str(label), counts[key], state == key) for key, (_, label, _, _) in _STATES.items()]
    return {"tabs": tabs, "events": [_event(row) for row in rows], "parked": counts[InboundState.PARKED], "state": state}


def key_rows(keys: list[ApiKey]) -> list[dict[str, Any]]:  # Any: template context
    """Keys with the face of the user they act as."""
    moment = now()
    return [
        {"key": key, "face": face(key.user.name, key.user.public_id), "is_expired": key.expiry is not None and key.expiry < moment}
        for key in keys
    ]


def _event(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values; template context
    label, _, tone, icon = _STATES[InboundState(row["state"])]
    return {
        **row,
        "state_label": label,
        "tone": tone,
        "icon": icon,
        "channel_icon": CHANNEL_ICONS.get(row["connector"], "inbox"),
        "title": row["subject"] or row["sender"] or gettext("(cannot be read)"),
        "is_parked": row["state"] == InboundState.PARKED,
    }

"""The settings pages: inbound events in words, the isolation in sentences."""

from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from shared_apps.tenants.isolation import IsolationFacts

from tenant_apps.intake.models import InboundState
from tenant_apps.workspace.presenters.rows import CHANNEL_ICONS

_STATES: Final = {
    InboundState.RECEIVED: (pgettext_lazy("inbound", "Waiting"), pgettext_lazy("inbound messages", "Waiting"), "info", "clock"),
    InboundState.PROCESSING: (pgettext_lazy("inbound", "In work"), pgettext_lazy("inbound messages", "In work"), "info", "rotate-cw"),
    InboundState.DONE: (pgettext_lazy("inbound", "Done"), pgettext_lazy("inbound messages", "Done"), "ok", "circle-check"),
    InboundState.IGNORED: (pgettext_lazy("inbound", "Ignored"), pgettext_lazy("inbound messages", "Ignored"), "", "circle-dashed"),
    InboundState.PARKED: (pgettext_lazy("inbound", "Parked"), pgettext_lazy("inbound messages", "Parked"), "warn", "triangle-alert"),
}
"""What a state is called of one message and of many, its tone and its icon."""


_CHECKS: Final = {
    "role_is_in_force": gettext_lazy("This page was answered under your organization's own database role"),
    "login_is_stripped": gettext_lazy("The log-in behind it has no rights of its own and inherits none"),
    "role_is_stripped": gettext_lazy("Nobody can sign in to the database with your role, and it has no special rights"),
    "owns_nothing": gettext_lazy("Neither the log-in nor your role owns any object of the database"),
    "creates_nothing": gettext_lazy("Neither can create tables, schemas or temporary objects"),
    "reaches_no_other_schema": gettext_lazy("Your role may not use the schema of any other organization"),
    "database_is_closed": gettext_lazy("Only the log-ins named for it can connect to the database"),
    "audit_is_append_only": gettext_lazy("Entries of your audit trail cannot be changed or deleted"),
    "schema_is_current": gettext_lazy("Your schema is at the platform's present version"),
    "hardening.set_config": gettext_lazy("A query cannot change its role or schema while it runs"),
    "hardening.pg_settings": gettext_lazy("Settings cannot be changed through the settings view"),
    "hardening.plpgsql": gettext_lazy("Programs inside a query (DO blocks) are refused"),
    "hardening.query_to_xml": gettext_lazy("Functions that run a text as a query are refused (XML)"),
    "hardening.ts_stat": gettext_lazy("Functions that run a text as a query are refused (search)"),
    "hardening.advisory_locks": gettext_lazy("One organization cannot hold locks that all share"),
    "hardening.large_objects": gettext_lazy("Large objects outside of every schema are refused"),
}
"""What each check says when it holds."""


def isolation_context(facts: IsolationFacts) -> dict[str, Any]:  # Any: template context
    """The facts with each check in words; hardening lines are told apart, since a managed server may refuse them."""
    rows = [(check.key.startswith("hardening."), {"is_met": check.is_met, "label": _CHECKS[check.key]}) for check in facts.checks]
    return {
        "facts": facts,
        "groups": [
            (gettext("Walls"), [row for is_hardening, row in rows if not is_hardening]),
            (gettext("Hardening of the database"), [row for is_hardening, row in rows if is_hardening]),
        ],
        "met_count": sum(check.is_met for check in facts.checks),
        "check_count": len(rows),
    }


def intake_context(
    rows: list[dict[str, Any]], counts: dict[str, int], state: str
) -> dict[str, Any]:  # Any: column values; template context
    """Rows with their state in words, and the tabs with real numbers."""
    tabs = [("", pgettext("inbound messages", "All"), sum(counts.values()), state == "")]
    tabs += [(key, str(label), counts[key], state == key) for key, (_, label, _, _) in _STATES.items()]
    return {"tabs": tabs, "events": [_event(row) for row in rows], "parked": counts[InboundState.PARKED], "state": state}


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

"""Shapes the fleet's figures into what the migrations page draws."""

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy
from ui.faces import face

from shared_apps.console.presenters import STATES
from shared_apps.tenants.fleet.status import fleet_status
from shared_apps.tenants.models import RunState, TenantState

_STATES: Final = {
    RunState.REQUESTED: (pgettext_lazy("migration run", "Waiting for a worker"), "info", "clock"),
    RunState.RUNNING: (pgettext_lazy("migration run", "Running"), "info", "rotate-cw"),
    RunState.DONE: (pgettext_lazy("migration run", "Done"), "ok", "circle-check"),
    RunState.FAILED: (pgettext_lazy("migration run", "Ended with failures"), "bad", "triangle-alert"),
    RunState.STOPPED: (pgettext_lazy("migration run", "Stopped at the canaries"), "bad", "circle-alert"),
    RunState.INTERRUPTED: (pgettext_lazy("migration run", "Interrupted"), "warn", "circle-alert"),
}


def fleet_context() -> dict[str, Any]:  # Any: template context
    """The page's context: figures of the run, versions, failures, data changes."""
    figures = fleet_status()
    run = figures["run"]
    is_busy = bool(run) and run["state"] in {RunState.REQUESTED, RunState.RUNNING}
    behind = sum(row["tenants"] for row in figures["versions"] if not row["is_current"])
    return {
        "fingerprint": figures["fingerprint"],
        "run": _run(run) if run else None,
        "is_busy": is_busy,
        "behind": behind,
        "may_start": behind > 0 and not is_busy,
        "versions": [_version(row) for row in figures["versions"]],
        "failures": [{**row, "face": face(row["name"], row["tenant_id"])} for row in figures["failures"]],
        "changes": figures["data_changes"],
    }


def _run(run: dict[str, Any]) -> dict[str, Any]:  # Any: figures; template context
    label, tone, icon = _STATES[RunState(run["state"])]
    return {
        **run,
        "state_label": label,
        "state_tone": tone,
        "state_icon": icon,
        "handled": run["done"] + run["failed"],
        "elapsed": duration(run["elapsed_seconds"]),
        "remaining": duration(run["remaining_seconds"]) if run["remaining_seconds"] is not None else "",
    }


def _version(row: dict[str, Any]) -> dict[str, Any]:  # Any: figures; template context
    if row["is_current"]:
        note = (_("Up to date"), "ok", "check")
    elif row["is_served"]:
        note = (_("Served meanwhile"), "info", "clock")
    else:
        note = (_("Closed until migrated"), "warn", "triangle-alert")
    return {**row, "state_label": STATES[TenantState(row["state"])][0], "label": note[0], "tone": note[1], "icon": note[2]}


def duration(seconds: float) -> str:
    """A time span for people, to the second below a minute and to the minute above an hour."""
    whole = round(seconds)
    if whole < 60:
        return ngettext("{n} second", "{n} seconds", whole).format(n=whole)
    if whole < 3600:
        return _("{m} min {s} s").format(m=whole // 60, s=whole % 60)
    return _("{h} h {m} min").format(h=whole // 3600, m=whole % 3600 // 60)

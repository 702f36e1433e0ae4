"""Reads of the fleet: versions, the newest run and its progress, failures with their reasons, data changes."""

import datetime
from typing import Any

from django.db.models import Count, F
from kernel import tenancy
from kernel.clock import now

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.fleet.changes import change_status
from shared_apps.tenants.models import FleetRun, FleetStep, RunState, StepState, Tenant, TenantState

SILENT_AFTER = datetime.timedelta(seconds=15)
Figures = dict[str, Any]  # Any: JSON


def fleet_status() -> Figures:
    """Everything that operators want to know of the fleet, as JSON values. Enters the public scope by itself."""
    with tenancy.public_scope():
        run = newest_run()
        return {
            "fingerprint": tenant_fingerprint(),
            "versions": versions(),
            "run": run_figures(run) if run else None,
            "failures": failures(),
            "data_changes": change_status(),
        }


def versions() -> list[Figures]:
    """Number of tenants by version and state, the current version first. `is_served` tells whether this code serves them."""
    rows = (
        Tenant.objects.exclude(state=TenantState.ARCHIVED)
        .values("fingerprint", "state")
        .annotate(tenants=Count("id"))
        .order_by("fingerprint")
    )
    found = [{**row, "is_current": row["fingerprint"] == tenant_fingerprint()} for row in rows]
    served = {fingerprint: compatibility.may_serve(fingerprint) for fingerprint in {row["fingerprint"] for row in found}}
    ordered = sorted(found, key=lambda row: (not row["is_current"], row["fingerprint"], row["state"]))
    return [{**row, "is_served": served[row["fingerprint"]]} for row in ordered]


def newest_run() -> FleetRun | None:
    """The run that is under way or was the last one."""
    return FleetRun.objects.order_by("-requested_at", "-id").first()


def state_of(run: FleetRun) -> str:
    """The run's state; one that has said nothing for a while was interrupted."""
    is_silent = run.state == RunState.RUNNING and run.seen_at is not None and run.seen_at < now() - SILENT_AFTER
    return RunState.INTERRUPTED.value if is_silent else run.state


def run_figures(run: FleetRun) -> Figures:
    """A run with its progress, rate and remaining time (None where nothing can be said yet)."""
    ended = run.finished_at or (run.seen_at if state_of(run) == RunState.INTERRUPTED else now())
    seconds = (ended - run.started_at).total_seconds() if run.started_at and ended else 0.0
    handled = run.done + run.failed
    rate = handled / seconds if handled and seconds > 0 else None
    is_running = state_of(run) == RunState.RUNNING
    return {
        "id": str(run.public_id),
        "target": run.target,
        "state": state_of(run),
        "cluster": run.cluster,
        "canaries": run.canaries,
        "jobs": run.jobs,
        "total": run.total,
        "done": run.done,
        "failed": run.failed,
        "rate": round(rate, 2) if rate else None,
        "remaining_seconds": round((run.total - handled) / rate, 1) if rate and is_running else None,
        "elapsed_seconds": round(seconds, 1),
        "requested_at": run.requested_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def failures(run: FleetRun | None = None) -> list[Figures]:
    """The tenants whose last step failed, with reason, attempts and time."""
    steps = FleetStep.objects.filter(state=StepState.FAILED)
    if run is not None:
        steps = steps.filter(run=run)
    rows = steps.annotate(slug=F("tenant__slug"), name=F("tenant__name"), tenant_public_id=F("tenant__public_id")).order_by(
        "tenant__slug", "tenant_id"
    )
    return [
        {
            "tenant_id": str(step.tenant_public_id),
            "slug": step.slug,
            "name": step.name,
            "version": step.source,
            "is_canary": step.wave == 0,
            "attempts": step.attempts,
            "error": step.error,
            "at": step.changed_at,
        }
        for step in rows
    ]

"""What a run has to do: which tenants are behind, from which versions, in which wave, and whether there is a script."""

import dataclasses
from collections.abc import Collection

from django.db.models import Q, QuerySet

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import FleetRun, FleetStep, StepState, Tenant, TenantState

CANARIES, EVERYONE = 0, 1
LEFT_ALONE = (TenantState.MOVING, TenantState.DELETING, TenantState.ARCHIVED)


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Which tenants a run is about: all, those of a cluster, or a single one; and which of them go first."""

    cluster: str = ""
    tenant_id: int | None = None
    canaries: Collection[str] = ()


def behind(choice: Choice) -> "QuerySet[Tenant]":
    """The tenants that are not at the current version, or whose concurrent indexes are not built yet. One query.

    One that is being moved is left alone: its rows are on the way to a schema of the version it had when the move began.
    """
    tenants = Tenant.objects.exclude(state__in=LEFT_ALONE).filter(
        ~Q(fingerprint=tenant_fingerprint()) | Q(fleet_step__state__in=[StepState.AFTER, StepState.FAILED])
    )
    if choice.cluster:
        tenants = tenants.filter(cluster=choice.cluster)
    if choice.tenant_id is not None:
        tenants = tenants.filter(pk=choice.tenant_id)
    return tenants


def prepare(choice: Choice, run: FleetRun) -> int:
    """Gives every tenant that is behind a step of the run that waits, failed ones anew. Returns how many there are.

    A step keeps the statements of its last version that are still to be run behind the commit; they come before anything newer.
    """
    target = tenant_fingerprint()
    tenants = list(behind(choice).order_by("id").values_list("pk", "slug", "fingerprint", "is_canary"))
    steps = []
    for pk, slug, fingerprint, is_canary in tenants:
        is_first = slug in choice.canaries if choice.canaries else is_canary
        steps.append(
            FleetStep(
                tenant_id=pk,
                run=run,
                source=fingerprint,
                target=target,
                wave=CANARIES if is_first else EVERYONE,
                state=StepState.AFTER if fingerprint == target else StepState.WAITING,
            )
        )
    FleetStep.objects.bulk_create(
        steps,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["tenant"],
        update_fields=["run", "source", "target", "wave", "state", "attempts", "error", "changed_at"],
    )
    return len(steps)


def sources(choice: Choice) -> list[str]:
    """The versions that a run has to start from."""
    found = behind(choice).exclude(fingerprint=tenant_fingerprint()).order_by("fingerprint")
    return list(found.values_list("fingerprint", flat=True).distinct())

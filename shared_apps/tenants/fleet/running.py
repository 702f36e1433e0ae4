"""A run over the fleet: derive the scripts, let workers migrate the canaries and then everyone, and keep the run's row up to date.

It may be killed at any time. What is done is done and noted; the next run takes the rest.
"""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg
import structlog
from django.db.models import Count, Q
from kernel import tenancy
from kernel.clock import now

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import plans, scripts
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.recording import NotDerivable
from shared_apps.tenants.fleet.workers import Orders, Worker
from shared_apps.tenants.models import FleetRun, RunState, StepState

SEEN_SECONDS = 0.5
Tell = Callable[[FleetRun], None]
_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes about it."""

    jobs: int = 2
    lock_timeout: str = "2s"
    attempts: int = 3
    derives: bool = True  # a serving process may not: it replays what a command has derived


def migrate_fleet(choice: Choice, manner: Manner, *, run: FleetRun | None = None, tell: Tell = lambda _: None) -> FleetRun | None:
    """Migrates the tenants that are behind. Returns the finished run, or None where there was nothing to do (one query).

    Its state is `done`, `failed` (some tenants keep their old schema) or `stopped` (a canary failed, so nobody else was touched). Public
    scope is entered here. `tell` is called about twice a second.
    """
    with tenancy.public_scope():
        if run is None and not plans.behind(choice).exists():
            return None
        run = _begin(run or FleetRun(), choice, manner)
        try:
            state = _waves(run, choice, manner, tell)
        except BaseException:
            _end(run, RunState.INTERRUPTED, tell)
            raise
        return _end(run, state, tell)


def _waves(run: FleetRun, choice: Choice, manner: Manner, tell: Tell) -> RunState:
    if manner.derives:
        _derive(run, choice)
    _work(run, plans.CANARIES, choice, manner, tell)
    if run.steps.filter(wave=plans.CANARIES, state=StepState.FAILED).exists():
        return RunState.STOPPED
    _work(run, plans.EVERYONE, choice, manner, tell)
    return RunState.FAILED if run.failed else RunState.DONE


def _begin(run: FleetRun, choice: Choice, manner: Manner) -> FleetRun:
    """Opens the run's row and closes those of runs that died."""
    FleetRun.objects.filter(state=RunState.RUNNING).exclude(pk=run.pk).update(state=RunState.INTERRUPTED)
    run.target, run.cluster, run.jobs, run.state = tenant_fingerprint(), choice.cluster, manner.jobs, RunState.RUNNING
    run.tenant_id = choice.tenant_id
    run.started_at = run.seen_at = now()
    run.save()
    run.total = plans.prepare(choice, run)
    run.canaries = list(run.steps.filter(wave=plans.CANARIES).order_by("tenant_id").values_list("tenant__slug", flat=True))
    run.save()
    return run


def _derive(run: FleetRun, choice: Choice) -> None:
    """A version without a script is noted with its tenants and stops nobody else."""
    for source in plans.sources(choice):
        try:
            scripts.ensure_script(source)
        except (NotDerivable, psycopg.Error) as error:
            _log.exception("fleet.not_derivable", source=source)
            run.steps.filter(source=source).update(state=StepState.FAILED, error=str(error)[:4000], changed_at=now())


def _work(run: FleetRun, wave: int, choice: Choice, manner: Manner, tell: Tell) -> None:
    """Starts the workers and keeps the run's figures fresh until all have ended."""
    if not run.steps.filter(wave=wave, state__in=[StepState.WAITING, StepState.AFTER]).exists():
        _count(run)
        return
    stop = threading.Event()
    orders = Orders(run.target, choice.cluster, choice.tenant_id, manner.lock_timeout, manner.attempts)
    with ThreadPoolExecutor(max_workers=manner.jobs, thread_name_prefix="fleet") as pool:
        running: set[Future[None]] = {pool.submit(Worker(orders, stop).work, wave) for _ in range(manner.jobs)}
        waiting = running
        try:
            while waiting:
                _, waiting = wait(waiting, timeout=SEEN_SECONDS)
                _count(run)
                tell(run)
        finally:
            stop.set()
    for future in running:
        future.result()


def _count(run: FleetRun) -> None:
    counts = run.steps.aggregate(done=Count("pk", filter=Q(state=StepState.DONE)), failed=Count("pk", filter=Q(state=StepState.FAILED)))
    run.done, run.failed, run.seen_at = counts["done"], counts["failed"], now()
    run.save(update_fields=["done", "failed", "seen_at"])


def _end(run: FleetRun, state: RunState, tell: Tell) -> FleetRun:
    run.state, run.finished_at = state, now()
    run.save(update_fields=["state", "finished_at"])
    tenancy.forget_directory()
    tell(run)
    return run

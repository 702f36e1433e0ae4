"""Celery entry points of the event log."""

from kernel.tasks import tenant_task

from shared_apps.events import services


@tenant_task(queue="default")
def run_consumers() -> None:
    """Lets the tenant's consumers read to the end of the log."""
    services.run_consumers()

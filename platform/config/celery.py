"""The Celery app and the beat schedule."""

import os

from celery import Celery
from celery.signals import worker_init
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
app = Celery("atende")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    ["config", "shared_apps.accounts", "shared_apps.events", "shared_apps.tenants", "tenant_apps.messaging", "tenant_apps.intake"]
)
app.conf.beat_schedule = {
    "sweep": {"task": "config.tasks.sweep", "schedule": 2.0, "options": {"expires": 4, "queue": "default"}},
    "keep-spares": {"task": "shared_apps.tenants.tasks.keep_spares", "schedule": 30.0, "options": {"expires": 60, "queue": "bulk"}},
    "run-fleet": {"task": "shared_apps.tenants.tasks.run_fleet", "schedule": 15.0, "options": {"expires": 30, "queue": "bulk"}},
    "set-anchors": {"task": "shared_apps.tenants.tasks.set_anchors", "schedule": 600.0, "options": {"expires": 300, "queue": "bulk"}},
    "prune-audit": {"task": "shared_apps.tenants.tasks.prune_audit", "schedule": 3600.0, "options": {"expires": 600, "queue": "bulk"}},
    "forget-old": {"task": "config.tasks.forget_old", "schedule": 3600.0, "options": {"expires": 600, "queue": "bulk"}},
}


@worker_init.connect  # Celery's own signal: the process begins
def serve_metrics(**_: object) -> None:
    """Opens the metrics port of the worker."""
    from kernel import metrics  # noqa: PLC0415 (Django is set up only now)

    metrics.serve(settings.ATENDE_METRICS_PORT)

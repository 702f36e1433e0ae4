"""Wiring of the audit trail."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "shared_apps.audit"
    label = "audit"

    def ready(self) -> None:
        from kernel import uow  # noqa: PLC0415 (models are ready only now)

        from shared_apps.audit import trail  # noqa: PLC0415

        uow.install_flush(trail.flush_entries)

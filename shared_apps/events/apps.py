"""Wiring of the event log."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "shared_apps.events"
    label = "events"

    def ready(self) -> None:
        from kernel import uow  # noqa: PLC0415 (models are ready only now)

        from shared_apps.events import log  # noqa: PLC0415

        uow.install_flush(log.flush_events)

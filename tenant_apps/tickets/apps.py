"""Wiring of the tickets app."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "tenant_apps.tickets"
    label = "tickets"

    def ready(self) -> None:
        from tenant_apps.tickets.services import following  # noqa: PLC0415 (models are ready only now)

        following.register()

"""Wiring of the tickets app."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "tenant_apps.tickets"
    label = "tickets"

    def ready(self) -> None:
        from tenant_apps.access.services import LEAVERS  # noqa: PLC0415 (models are ready only now)
        from tenant_apps.tickets import reach  # noqa: F401, PLC0415 (registers how conversations and contacts are narrowed)
        from tenant_apps.tickets.services import following, leaving  # noqa: PLC0415

        following.register()
        LEAVERS.register("tickets")(leaving.hand_on_open_tickets)

"""Wiring of the workspace pages."""

from django.apps import AppConfig


class WorkspaceConfig(AppConfig):
    name = "tenant_apps.workspace"
    label = "workspace"

    def ready(self) -> None:
        from shared_apps.console.mailbox import install_mailbox  # noqa: PLC0415 (apps are ready only now)

        from tenant_apps.connectors import catcher  # noqa: PLC0415
        from tenant_apps.realtime.registry import fragments  # noqa: PLC0415
        from tenant_apps.workspace.live import render_event  # noqa: PLC0415

        fragments.register("workspace")(render_event)
        install_mailbox(catcher)

"""Wiring of the connectors app."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "tenant_apps.connectors"
    label = "connectors"

    def ready(self) -> None:
        """Finds the connectors: one file each in `adapters/`."""
        from tenant_apps.access.scopes import SCOPES, ScopeKind  # noqa: PLC0415
        from tenant_apps.connectors import selectors  # noqa: PLC0415
        from tenant_apps.connectors.registry import CONNECTORS  # noqa: PLC0415 (apps are not ready at import time)

        CONNECTORS.autodiscover("tenant_apps.connectors.adapters")
        SCOPES.register("inbox")(ScopeKind(find=selectors.inbox_scope, named=selectors.inbox_scopes))

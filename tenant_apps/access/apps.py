"""Wiring of the access app."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "tenant_apps.access"
    label = "access"

    def ready(self) -> None:
        from kernel.permissions import install_permission_check  # noqa: PLC0415 (models are ready only now)
        from shared_apps.accounts.services.granters import ROLE_GRANTERS  # noqa: PLC0415

        from tenant_apps.access import selectors, services  # noqa: PLC0415

        install_permission_check(selectors.has_permission)
        ROLE_GRANTERS.register("access")(services.grant_invited_role)

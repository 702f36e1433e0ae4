"""Wiring of the tenant registry."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "shared_apps.tenants"
    label = "tenants"

    def ready(self) -> None:
        from kernel import tenancy, timers  # noqa: PLC0415 (models are ready only now)

        from shared_apps.tenants import directory  # noqa: PLC0415
        from shared_apps.tenants.services import visits  # noqa: PLC0415

        tenancy.install_directory(directory.RegistryDirectory())
        timers.install_expectation(visits.bring_forward)

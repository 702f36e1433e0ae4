"""Wiring of the app of single sign-on."""

from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "tenant_apps.sso"
    label = "sso"

    def ready(self) -> None:
        from shared_apps.accounts.services.gates import PASSWORD_GATES  # noqa: PLC0415 (models are ready only now)

        from tenant_apps.sso import services  # noqa: PLC0415
        from tenant_apps.sso.registry import PROTOCOLS  # noqa: PLC0415

        PROTOCOLS.autodiscover("tenant_apps.sso.adapters")
        PASSWORD_GATES.register("sso")(services.check_password_gate)

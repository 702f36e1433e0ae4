"""Wiring of the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "shared_apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        from kernel.proofs import install_proofs  # noqa: PLC0415 (models are ready only now)

        from shared_apps.accounts import proofs  # noqa: PLC0415

        install_proofs(proofs)

"""Wiring of the design system."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "ui"
    label = "ui"

    def ready(self) -> None:
        from kernel.problems import install_page  # noqa: PLC0415 (templates are ready only now)

        from ui import errors  # noqa: PLC0415

        install_page(errors.problem_page)

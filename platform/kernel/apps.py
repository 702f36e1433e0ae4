"""Wiring of the kernel."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Registers our lookups, and what index expressions need: `django.contrib.postgres` does too, but queries types at each connection."""

    name = "kernel"
    label = "kernel"

    def ready(self) -> None:
        from django.contrib.postgres.indexes import OpClass  # noqa: PLC0415 (importable only once apps are loading)
        from django.db.models import OrderBy  # noqa: PLC0415
        from django.db.models.functions import Collate  # noqa: PLC0415
        from django.db.models.indexes import IndexExpression  # noqa: PLC0415

        from kernel.db import lookups  # noqa: F401, PLC0415 (registers them)

        IndexExpression.register_wrappers(OrderBy, OpClass, Collate)

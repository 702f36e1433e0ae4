"""drf-spectacular's command, for both APIs at once unless another URL map is named."""

from typing import Any

from drf_spectacular.management.commands.spectacular import Command as Spectacular


class Command(Spectacular):
    """`manage.py spectacular --file schema.yaml` writes the tenant API and the platform API into one document."""

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        options["urlconf"] = options["urlconf"] or "config.urls.every_api"
        super().handle(*args, **options)

"""Stands before the library's `migrate`, which knows nothing of owners, artefacts and spares."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    """Always refuses and names the command to use."""

    help = "Not used here: run migrate_platform"

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        raise CommandError("Schemas are built by the owner's login: run manage.py migrate_platform")

"""Gives the content types and permissions of new models their pinned ids."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shared_apps.tenants import pinned


class Command(BaseCommand):
    """Run it after adding a model; it writes `shared_apps/tenants/pinned_ids.json` and never changes an existing id."""

    help = "Writes pinned ids for new models; --check only compares"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--check", action="store_true", help="fail where an id is missing instead of writing it")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        pins = pinned.pinned_ids()
        missing = [key for group, keys in pinned.wanted_keys().items() for key in keys if key not in pins[group]]
        if options["check"]:
            if missing:
                raise CommandError(f"Not pinned: {', '.join(missing)}; run manage.py pin_ids")
            return
        added = pinned.extend_pins(Path(pinned.__file__).with_name("pinned_ids.json"))
        self.stdout.write(f"{added} ids added")

"""Writes the Postman collection of both APIs."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator
from kernel.api.postman import collection


class Command(BaseCommand):
    """Deterministic: the same API gives the same file."""

    help = "Writes a Postman v2.1 collection; set its variables tenant_url, platform_url, api_key and operator_key"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--file", default="postman_collection.json", help="where to write (default postman_collection.json)")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        document = SchemaGenerator(urlconf="config.urls.every_api").get_schema(request=None, public=True)
        Path(options["file"]).write_text(json.dumps(collection(document), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        self.stdout.write(f"Written to {options['file']}")

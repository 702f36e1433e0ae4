"""Deletes a tenant for good."""

from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy

from shared_apps.tenants import lifecycle
from shared_apps.tenants.management.progress import add_slug, find_tenant, reporting


class Command(BaseCommand):
    """Asks for the slug once more. A run that was killed is ended by the next one; a finished one gives its certificate again."""

    help = "Deletes a tenant: rows, files, cache, routes, hosts; and certifies it"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        add_slug(parser)
        parser.add_argument("--confirm", default="", help="the slug once more, instead of typing it")
        parser.add_argument("--certificate", type=Path, help="where the certificate is written as JSON")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        slug = options["slug"]
        if lifecycle.find_deletion(slug) is None:
            find_tenant(slug)
        if (options["confirm"] or _typed(slug)) != slug:
            raise CommandError("Not confirmed; nothing was changed")
        with reporting() as reporter, tenancy.public_scope():
            certificate = lifecycle.delete_tenant(slug=slug, reporter=reporter)
        if options["certificate"]:
            options["certificate"].write_bytes(orjson.dumps(certificate, option=orjson.OPT_INDENT_2) + b"\n")
        rows = sum(table["rows"] for table in certificate["tables"].values())
        self.stdout.write(f"{slug} is deleted: {rows} rows, {certificate['removed'].get('files', 0)} files; nothing was found afterwards")
        self.stdout.write(f"Certificate {certificate['sha256']}")


def _typed(slug: str) -> str:
    """What the person at the keyboard types; nothing where there is none."""
    try:
        return input(f"This deletes {slug} for good. Type its slug to go on: ")
    except EOFError:
        return ""

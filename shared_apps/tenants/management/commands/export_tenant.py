"""Writes a tenant to one file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from kernel import tenancy

from shared_apps.tenants import lifecycle
from shared_apps.tenants.lifecycle.passphrase import read_passphrase
from shared_apps.tenants.management.progress import add_slug, errors_as_text, find_tenant, reporting


class Command(BaseCommand):
    """The tenant works on meanwhile; the file shows one instant. Guard it: it holds everything but credentials."""

    help = "Exports a tenant: rows, files and a manifest with digests, in one archive"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        add_slug(parser)
        parser.add_argument("--to", required=True, type=Path, help="the archive to write; it must not exist yet")
        parser.add_argument(
            "--passphrase-file", type=Path, help="carries channel secrets along, under the passphrase in this file's first line"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        tenant = find_tenant(options["slug"])
        with errors_as_text():
            passphrase = read_passphrase(options["passphrase_file"]) if options["passphrase_file"] else ""
        with reporting() as reporter, tenancy.public_scope():
            manifest = lifecycle.export_tenant(tenant=tenant, path=options["to"], passphrase=passphrase, reporter=reporter)
        rows = sum(table["rows"] for table in manifest["tables"].values())
        self.stdout.write(f"{options['to']}: {rows} rows in {len(manifest['tables'])} tables, {manifest['files']['rows']} files")
        if manifest["files"]["missing"]:
            self.stderr.write(f"{manifest['files']['missing']} files that rows name were not in the storage")
        if manifest["audit"]["broken_at"] is not None:
            self.stderr.write(f"The audit chain is broken at entry {manifest['audit']['broken_at']}")

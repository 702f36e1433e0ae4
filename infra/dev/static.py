"""Collects the static files for `make up`: hashed names as in production, without the minute that compressing them takes."""

import sys

import django
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command
from ui.storage import UiStaticFilesStorage


class UncompressedStorage(ManifestStaticFilesStorage):
    """Writes the same names and the same manifest as the product's own storage."""

    patterns = UiStaticFilesStorage.patterns


def main() -> int:
    """Fills STATIC_ROOT."""
    django.setup()
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "infra.dev.static.UncompressedStorage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

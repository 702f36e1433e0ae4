"""Migrations: none is missing, each app's history is one line, and the tenants' can be replayed as SQL."""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.db import connections

if TYPE_CHECKING:
    from django.db.migrations import Migration


def problems() -> Iterator[str]:
    """Apps of ours whose migrations branch, merge or skip a number."""
    from django.apps import apps  # noqa: PLC0415 (Django is set up only now)
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415

    ours = {
        config.label for config in apps.get_app_configs() if config.name.startswith(("shared_apps.", "tenant_apps.", "config", "kernel"))
    }
    by_app: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for (app, name), migration in (MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {}).items():
        if app in ours:
            by_app[app].append((name, [before for label, before in migration.dependencies if label == app]))
    for app, history in sorted(by_app.items()):
        history.sort()
        for index, (name, before) in enumerate(history):
            if not name.startswith(f"{index + 1:04}_"):
                yield f"{app}.{name}: the number should be {index + 1:04}"
            if before != ([history[index - 1][0]] if index else []):
                yield f"{app}.{name}: depends on {before or 'nothing'} in its app; history must be one line"


def refused(disk_migrations: "dict[tuple[str, str], Migration]") -> Iterator[str]:
    """Migrations of the tenant apps that run Python over rows, which no fleet script can carry."""
    from shared_apps.tenants.fingerprint import tenant_labels  # noqa: PLC0415 (Django is set up only now)
    from shared_apps.tenants.fleet.recording import refusals  # noqa: PLC0415

    for (app, _), migration in sorted(disk_migrations.items(), key=lambda item: item[0]):
        if app in tenant_labels():
            yield from refusals(migration)


def main() -> int:
    """Prints what is wrong."""
    django.setup()
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415
    from shared_apps.tenants.fleet.changes import all_changes  # noqa: PLC0415

    found = [*problems(), *refused(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {})]
    all_changes()  # raises where one comes after a migration that does not exist
    print("\n".join(found) or "histories are linear, and the tenants' can be replayed as SQL")
    connections.databases["default"]["OPTIONS"] = {}  # no pool: the check has no database, and should notice at once
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)
    except SystemExit as stop:
        found.append(str(stop))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

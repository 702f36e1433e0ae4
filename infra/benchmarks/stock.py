"""The same apps under django-tenants as it comes, in a project generated into a temporary folder: how long it takes there.

It gets an empty database of its own, which is to its advantage: Django's introspection grows with the number of schemas.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.benchmarks.synthetic import APP, write_release
from infra.dev.folders import ROOT

_SETTINGS = """
from config.settings.test import *
_OURS = {"config"}  # it puts refusals in place of the library's commands
SHARED_APPS = [app for app in SHARED_APPS if app not in _OURS]
TENANT_APPS = [*TENANT_APPS, *%(extra)r]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
DATABASES = {"default": {**DATABASES["default"], "ENGINE": "django_tenants.postgresql_backend", "OPTIONS": {}, "TEST": {}}}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
"""
_CREATE = """
import json, sys, time
import django
django.setup()
from shared_apps.tenants.models import Tenant
seconds = []
for number in range(int(sys.argv[1])):
    tenant = Tenant.objects.create(schema_name=f"stock{number}", role_name="-", fingerprint="-", name="Stock", slug=f"stock{number}")
    started = time.perf_counter()
    tenant.create_schema(check_if_exists=True, sync_schema=True, verbosity=0)
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""


class StockFailed(RuntimeError):
    """A command of the generated project failed; the message holds what it said."""


class StockProject:
    """The generated project. `url` is a database whose owner the login is."""

    def __init__(self, folder: Path, environment: dict[str, str], url: str) -> None:
        write_release(folder)
        for name, extra in (("stock_settings", []), ("stock_release", [APP])):
            (folder / f"{name}.py").write_text(_SETTINGS % {"extra": extra}, encoding="utf-8")
        paths = [str(folder), str(ROOT / "platform"), str(ROOT)]
        self.environment = {**os.environ, **environment, "DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(paths)}

    def measure(self, tenants: int, tell: Callable[[str], None]) -> dict[str, object]:
        """Seconds for a new schema (each), and for a deploy that changes nothing or brings two migrations (one tenant, all of them)."""
        tell("stock: the public schema")
        self._run("stock_settings", "-m", "django", "migrate_schemas", "--shared", "-v", "0")
        tell(f"stock: {tenants} schemas by migrations")
        created = json.loads(self._run("stock_settings", "-c", _CREATE, str(tenants)).splitlines()[-1])
        tell("stock: deploys")
        migrate = ("-m", "django", "migrate_schemas", "--tenant", "-v", "0")
        no_op_one, no_op = (self._timed("stock_settings", *migrate, *extra) for extra in (("--schema", "stock0"), ()))
        real_one, real = (self._timed("stock_release", *migrate, *extra) for extra in (("--schema", "stock0"), ()))
        return {
            "tenants": tenants,
            "create_seconds": created,
            "no_op": {"one_tenant_seconds": no_op_one, "all_seconds": no_op},
            "two_migrations": {"one_tenant_seconds": real_one, "other_tenants_seconds": real},
        }

    def _timed(self, settings: str, *arguments: str) -> float:
        started = time.perf_counter()
        self._run(settings, *arguments)
        return time.perf_counter() - started

    def _run(self, settings: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": settings},
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise StockFailed(f"{' '.join(arguments)[:80]}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        return done.stdout

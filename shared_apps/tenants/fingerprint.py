"""The fingerprint of a tenant schema: a digest over every migration that builds it."""

import functools
import hashlib
from importlib import resources

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

LENGTH = 32


def tenant_labels() -> set[str]:
    """The labels of the apps that tenant schemas hold."""
    return {config.label for config in apps.get_app_configs() if config.name in settings.TENANT_APPS}


@functools.cache
def tenant_fingerprint() -> str:
    """Hex digest over names and sources of the tenant apps' migrations and the pinned ids; changes exactly when they do."""
    labels = tenant_labels()
    loader = MigrationLoader(None, ignore_no_migrations=True)
    digest = hashlib.sha256()
    for label, name in sorted(loader.disk_migrations):
        if label in labels:
            module = loader.disk_migrations[label, name].__module__
            package, _, stem = module.rpartition(".")
            source = resources.files(package).joinpath(f"{stem}.py").read_bytes()
            digest.update(f"{label}.{name}\0".encode() + hashlib.sha256(source).digest())
    digest.update(resources.files("shared_apps.tenants").joinpath("pinned_ids.json").read_bytes())
    return digest.hexdigest()[:LENGTH]

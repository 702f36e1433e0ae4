"""What the tests of archives share: writing one, changing one, bringing one in, and what a refusal must leave alone."""

import json
import zipfile

from django.core.files.storage import default_storage
from django.core.management import call_command
from kernel import tenancy

from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.models import ChannelRoute, Tenant, TenantOperation
from shared_apps.tenants.tests.lives import reference_of, schemas_and_roles

ADAPTED = {
    "audit_auditentry",
    "events_event",
    "events_counter",
    "accounts_invitation",
    "connectors_inbox",
    "messaging_delivery",
    "messaging_message",
}
"""Tables in which an import changes what the guide says it changes; their other columns are compared one by one."""
LEFT_OUT = tables.SECRETS


def export(slug, file, **options):
    call_command("export_tenant", slug, "--to", str(file), **options)


def bring_in(file, slug="back", *more):
    call_command("import_tenant", str(file), "--slug", slug, *more)
    return reference_of(slug)


def row(slug):
    with tenancy.public_scope():
        return Tenant.objects.get(slug=slug)


def everything(tmp_path):
    """What a refused import or export must leave as it was."""
    with tenancy.public_scope():
        rows = (Tenant.objects.count(), ChannelRoute.objects.count(), TenantOperation.objects.exclude(state="done").count())
    return rows, schemas_and_roles(), sorted(default_storage.listdir("")[0]), sorted(path.name for path in tmp_path.iterdir())


def rewrite(file, change, *, members=None):
    """Writes the archive again with another manifest and other members."""
    with zipfile.ZipFile(file) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(contents["manifest.json"])
    change(manifest)
    contents |= members or {}
    contents["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(file, "w") as new:
        for name, content in contents.items():
            new.writestr(name, content)


def elsewhere(manifest):
    """As if another installation had written it, so that no seal of ours speaks for it."""
    manifest["installation"] = "0" * 16


class During:
    """A reporter that does something once, at one point."""

    def __init__(self, point, act):
        self.point, self.act, self.found = point, act, []

    def reached(self, point, done=0, total=0):
        if point == self.point and not self.found:
            self.found.append(None)
            self.found[0] = self.act()

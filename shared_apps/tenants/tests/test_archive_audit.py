"""The audit chain of a tenant that came from an archive: it goes on, verifies, and shows what was changed."""

import json

import pytest
from kernel import tenancy
from kernel.db.owner import owner_connection

from shared_apps.audit import chain, trail
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants.tests.archives import bring_in, export


def test_the_audit_chain_goes_on_behind_a_boundary_and_verifies(full, file):
    with tenancy.tenant_scope(full):
        carried = trail.head()
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        boundary = AuditEntry.objects.get(action="audit.imported")
        assert trail.first_broken_entry() is None
    assert boundary.n == carried["entries"] + 1
    assert bytes(boundary.previous_hash).hex() == carried["head"]
    assert boundary.changes["origin"] == str(full.id)


@pytest.mark.parametrize("has_the_key", [True, False])
def test_tampering_with_carried_entries_is_found(full, file, has_the_key):
    export("canela", file)
    back = bring_in(file)
    change_entry(back, 2, "action = 'nothing.happened'")

    if not has_the_key:
        forge_boundary_of_another_installation(back)
    with tenancy.tenant_scope(back):
        broken = trail.first_broken_entry()

    assert broken == (2 if has_the_key else 1)


def test_a_chain_from_another_installation_verifies_by_its_digest(full, file):
    export("canela", file)
    back = bring_in(file)
    forge_boundary_of_another_installation(back)

    with tenancy.tenant_scope(back):
        assert trail.first_broken_entry() is None


def change_entry(tenant, n, change):
    with owner_connection(tenant.cluster) as connection:
        connection.execute(f'UPDATE "{tenant.schema}".audit_auditentry SET {change} WHERE n = %s', [n])


def forge_boundary_of_another_installation(tenant):
    """Writes the boundary anew as an import from elsewhere would have written it."""
    with tenancy.tenant_scope(tenant):
        entries = list(AuditEntry.objects.order_by("n"))
        boundary = next(entry for entry in entries if entry.action == "audit.imported")
        previous, changed = bytes(boundary.previous_hash), []
        boundary.changes = {**boundary.changes, "is_ours": False}
        for entry in entries[boundary.n - 1 :]:
            entry.previous_hash, entry.hash = previous, chain.entry_hash(entry, previous, str(tenant.id))
            previous = entry.hash
            changed.append((entry.n, entry.changes, entry.previous_hash, entry.hash))
    with owner_connection(tenant.cluster) as connection:
        for n, changes, before, own in changed:
            connection.execute(
                f'UPDATE "{tenant.schema}".audit_auditentry SET changes = %s, previous_hash = %s, hash = %s WHERE n = %s',
                [json.dumps(changes), before, own, n],
            )


def test_an_export_is_told_in_the_tenants_own_trail_and_in_the_platforms(full, file):
    export("canela", file)

    found = []
    for scope in (tenancy.tenant_scope(full), tenancy.public_scope()):
        with scope:
            found.append([(entry.object_id, entry.changes) for entry in AuditEntry.objects.filter(action="tenant.export")])
    assert found[0] == found[1]
    assert len(found[0]) == 1
    assert found[0][0][0] == full.id


def test_what_cannot_be_told_at_home_is_not_taken_out(full, file, monkeypatch):
    def refuse(**_):
        raise RuntimeError("no entry")

    monkeypatch.setattr("shared_apps.tenants.lifecycle.exporting._note_at_home", refuse)

    with pytest.raises(RuntimeError):
        export("canela", file)

    assert list(file.parent.iterdir()) == []

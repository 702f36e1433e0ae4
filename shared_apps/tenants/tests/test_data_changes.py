"""Data changes: chunk by chunk, tenant by tenant, resumable."""

import pytest
from kernel import tenancy
from kernel.registry import DuplicateSlug

from shared_apps.accounts.models import User
from shared_apps.tenants.fleet import changes
from shared_apps.tenants.models import DataChangeProgress, Tenant
from shared_apps.tenants.registry import DATA_CHANGES, data_change

AFTER = "accounts.0001_initial"


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(DATA_CHANGES, "_items", {})


def shout(cursor: str) -> str | None:
    """Writes two people's names in capitals."""
    people = list(User.objects.filter(pk__gt=int(cursor or 0)).order_by("pk")[:2])
    for person in people:
        person.name = person.name.upper()
        person.save(update_fields=["name"])
    return str(people[-1].pk) if people else None


def names(tenant) -> set[str]:
    with tenancy.tenant_scope(tenant):
        return set(User.objects.values_list("name", flat=True))


def progress() -> dict[str, tuple[str, bool]]:
    with tenancy.public_scope():
        return {
            slug: (error, is_done) for slug, error, is_done in DataChangeProgress.objects.values_list("tenant__slug", "error", "is_done")
        }


def test_a_change_reaches_every_row_of_every_tenant(in_public, acme, globex):
    data_change("shout", after=AFTER)(shout)

    changes.run_data_changes()

    assert names(acme) == {"ADA PRADO", "ANA SOUZA", "BEA LIMA"}
    assert names(globex) == {"RUI COSTA"}
    assert progress() == {"acme": ("", True), "globex": ("", True)}
    assert changes.run_data_changes() == 0
    assert changes.change_status() == [{"name": "shout", "after": AFTER, "tenants": 2, "done": 2, "failed": 0}]


def test_a_change_goes_on_where_it_stopped(in_public, acme):
    data_change("shout", after=AFTER)(shout)

    changes.run_data_changes(chunks=1)

    assert names(acme) == {"ADA PRADO", "ANA SOUZA", "Bea Lima"}
    assert progress() == {"acme": ("", False)}
    changes.run_data_changes(chunks=1)
    assert names(acme) == {"ADA PRADO", "ANA SOUZA", "BEA LIMA"}


def test_a_tenant_where_it_fails_is_named_and_stops_nobody(in_public, acme, globex):
    def fail_in_acme(cursor: str) -> str | None:
        if tenancy.current_tenant().slug == "acme":
            User.objects.update(name="lost")
            raise ValueError("no such thing")
        return shout(cursor)

    data_change("shout", after=AFTER)(fail_in_acme)

    changes.run_data_changes()

    assert "lost" not in names(acme)
    assert names(globex) == {"RUI COSTA"}
    assert progress() == {"acme": ("ValueError: no such thing", False), "globex": ("", True)}


def test_a_tenant_that_is_behind_waits(in_public, acme):
    Tenant.objects.filter(slug="acme").update(fingerprint="old")
    data_change("shout", after=AFTER)(shout)

    changes.run_data_changes()

    assert set(progress()) == {"globex"}
    assert "Ada Prado" in names(acme)


def test_a_change_that_comes_after_nothing_stops_the_start(in_public):
    data_change("shout", after="accounts.0099_never")(shout)

    with pytest.raises(changes.UnknownMigration, match=r"accounts\.0099_never"):
        changes.all_changes()


def test_one_name_is_one_change():
    data_change("shout", after=AFTER)(shout)

    with pytest.raises(DuplicateSlug, match="shout"):
        data_change("shout", after=AFTER)(names)

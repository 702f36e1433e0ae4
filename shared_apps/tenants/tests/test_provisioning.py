"""Creating tenants: slugs, spares, the artefact, the set-up."""

import os
import re

import psycopg
import pytest
from django.core.management import CommandError, call_command
from kernel import tenancy
from kernel.db.owner import owner_connection
from kernel.problems import ValidationProblem

from shared_apps.accounts.models import Invitation
from shared_apps.events.models import Event
from shared_apps.tenants import artefact, pinned, schemas, services
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import Domain, Spare, Tenant
from shared_apps.tenants.selectors import channel_route
from shared_apps.tenants.slugs import slug_errors


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("", "malformed"),
        ("a", "malformed"),
        ("-acme", "malformed"),
        ("acme-", "malformed"),
        ("Acme", "malformed"),
        ("ac me", "malformed"),
        ("acme.shop", "malformed"),
        ("a" * 33, "malformed"),
        ("xn--acme", "malformed"),
        ("api", "reserved"),
        ("www", "reserved"),
        ("асme", "confusable"),
        ("ａｃｍｅ", "confusable"),
        ("acmé", "confusable"),
    ],
)
def test_a_bad_slug_has_a_clear_code(slug, code):
    assert [found for found, _ in slug_errors(slug)] == [code]


@pytest.mark.parametrize("slug", ["acme", "a1", "north-sea", "a" * 32])
def test_a_good_slug_has_no_fault(slug):
    assert slug_errors(slug) == []


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"slug": "acme"}, "/slug", "taken"),
        ({"slug": "admin"}, "/slug", "reserved"),
        ({"slug": "adm1n"}, "/slug", "reserved"),
        ({"slug": "acrne"}, "/slug", "confusable"),
        ({"slug": "ac-me"}, "/slug", "confusable"),
        ({"slug": "gl0bex"}, "/slug", "confusable"),
        ({"slug": "g1obex"}, "/slug", "confusable"),
        ({"name": " "}, "/name", "invalid"),
        ({"owner_email": "nobody"}, "/owner_email", "invalid"),
    ],
)
def test_a_refused_tenant_writes_nothing(in_public, acme, fields, pointer, code):
    before = (Tenant.objects.count(), Spare.objects.count(), Event.objects.count())

    with pytest.raises(ValidationProblem) as raised:
        services.create_tenant(**{"name": "New", "slug": "new", "owner_email": "o@new.example", **fields})

    assert [(error.pointer, error.code) for error in raised.value.errors] == [(pointer, code)]
    assert (Tenant.objects.count(), Spare.objects.count(), Event.objects.count()) == before


def test_a_new_tenant_claims_a_spare_and_is_set_up(fresh_database):
    with tenancy.public_scope():
        schemas.keep_spares(1)
        spare = Spare.objects.get(cluster="default")

        tenant = services.create_tenant(name="Initech", slug="initech", owner_email="Bill@Initech.example")

        assert (tenant.schema_name, tenant.state) == (spare.schema_name, "active")
        assert not Spare.objects.filter(cluster="default").exists()
        assert list(Event.objects.filter(aggregate_id=tenant.public_id).order_by("seq").values_list("type", flat=True)) == [
            "tenant.created",
            "tenant.activated",
        ]
        assert Domain.objects.get(tenant=tenant).domain == "initech.localhost"
    reference = tenancy.resolve_host("initech.localhost")
    with tenancy.tenant_scope(reference):
        assert Invitation.objects.get().email == "bill@initech.example"
        pinned.check_pins()
    assert channel_route("email", "support@initech.localhost").tenant.id == reference.id


def test_finishing_twice_changes_nothing(fresh_database):
    with tenancy.public_scope():
        tenant = services.create_tenant(name="Initech", slug="initech", owner_email="bill@initech.example")

        again = services.finish_provisioning(tenant=Tenant.objects.get(pk=tenant.pk))

    assert again.state == "active"
    with tenancy.tenant_scope(tenancy.resolve_host("initech.localhost")):
        assert Invitation.objects.count() == 1


def test_a_schema_from_the_artefact_equals_one_from_real_migrations(fresh_database):
    """The oracle: capture the template and a spare, and compare them statement by statement, rows included."""
    template = f"template_{tenant_fingerprint()[:12]}"
    spare = schemas.build_spare()

    with owner_connection() as connection:
        built, migrated = artefact.capture(connection, spare.schema_name), artefact.capture(connection, template)

    assert [without_casts(line) for line in built] == [without_casts(line) for line in migrated]


def without_casts(statement: str) -> str:
    """PostgreSQL prints `ARRAY['a'::varchar]::text[]` with the cast moved inside once it was parsed again: the same condition."""
    return re.sub(r"::(character varying|text)(\[\])?|[()]", "", statement)


def test_an_artefact_that_lost_an_index_would_be_seen(fresh_database):
    spare = schemas.build_spare()
    with owner_connection() as connection:
        before = artefact.capture(connection, spare.schema_name)
        connection.execute(f'DROP INDEX "{spare.schema_name}".tickets_ticket_newest')

        assert artefact.capture(connection, spare.schema_name) != before


def test_a_failed_spare_leaves_no_orphan(fresh_database, monkeypatch):
    def fail(*_):
        raise psycopg.OperationalError("cut")

    monkeypatch.setattr(schemas, "_grant", fail)
    monkeypatch.setattr(schemas.secrets, "token_hex", lambda _: f"orphan{os.getpid()}")
    name = f"t_orphan{os.getpid()}"

    with pytest.raises(psycopg.OperationalError):
        schemas.build_spare()

    with owner_connection() as connection:
        schemas_left = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]).fetchall()
        roles_left = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchall()
    assert (schemas_left, roles_left) == ([], [])


def test_a_tenant_role_reaches_its_own_schema_only(fresh_database, acme, globex):
    with owner_connection(acme.cluster) as connection:
        row = connection.execute(
            "SELECT has_schema_privilege(%(r)s, %(own)s, 'USAGE'), has_schema_privilege(%(r)s, %(other)s, 'USAGE'), "
            "has_schema_privilege(%(r)s, 'public', 'USAGE'), has_schema_privilege(%(r)s, %(own)s, 'CREATE')",
            {"r": acme.role, "own": acme.schema, "other": globex.schema},
        ).fetchone()

    assert row == (True, False, False, False)


def test_a_tenant_schema_keeps_to_its_budget(fresh_database, acme):
    with owner_connection(acme.cluster) as connection:
        tables, indexes = connection.execute(
            "SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FILTER (WHERE relkind = 'i') FROM pg_class "
            "WHERE relnamespace = %s::regnamespace",
            [acme.schema],
        ).fetchone()

    assert tables <= 150
    assert indexes <= 600


def test_a_tenant_that_is_behind_is_migrated(fresh_database, acme):
    with owner_connection(acme.cluster) as connection:
        connection.execute(f"""DELETE FROM "{acme.schema}".django_migrations WHERE app = 'tickets' AND name = '0002_seed_statuses'""")
    with tenancy.public_scope():
        Tenant.objects.filter(slug="acme").update(fingerprint="old")

    assert schemas.migrate_tenants() == 1
    assert schemas.migrate_tenants() == 0
    with tenancy.public_scope():
        assert Tenant.objects.get(slug="acme").fingerprint == tenant_fingerprint()


def test_a_tenant_that_cannot_be_migrated_is_named_and_keeps_its_fingerprint(fresh_database, acme, globex):
    with owner_connection(acme.cluster) as connection:
        connection.execute(f'DROP TABLE "{acme.schema}".django_migrations')
    with tenancy.public_scope():
        Tenant.objects.update(fingerprint="old")

    with pytest.raises(schemas.MigrationsFailed, match="acme"):
        schemas.migrate_tenants()

    with tenancy.public_scope():
        assert dict(Tenant.objects.values_list("slug", "fingerprint")) == {"acme": "old", "globex": tenant_fingerprint()}


def test_every_model_has_pinned_ids():
    pins = pinned.pinned_ids()

    missing = [key for group, keys in pinned.wanted_keys().items() for key in keys if key not in pins[group]]
    assert missing == []
    assert all(len(set(ids.values())) == len(ids) for ids in pins.values())


def test_the_command_says_what_is_wrong(fresh_database):
    with pytest.raises(CommandError, match=r"slug: .*\(taken\)"):
        call_command("create_tenant", "--name", "X", "--slug", "acme", "--owner-email", "x@y.example")

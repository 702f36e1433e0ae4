"""Creating tenants: slugs, spares, the artefact, the set-up."""

import os
import signal
import sys
from collections.abc import Iterator

import psycopg
import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as Migrate
from infra.testing.forking import fork
from kernel import tenancy
from kernel.db.owner import as_owner, owner_connection
from kernel.db.routing import clusters
from kernel.problems import ValidationProblem

from shared_apps.accounts.models import Invitation
from shared_apps.events.models import Event
from shared_apps.tenants import artefact, pinned, schemas, services, tasks
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet.oracle import differences, schema_objects
from shared_apps.tenants.models import Domain, Spare, Tenant
from shared_apps.tenants.selectors import channel_route
from shared_apps.tenants.services import provisioning
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


@pytest.fixture
def migrated(fresh_database) -> Iterator[str]:
    """A schema built by Django's own migrations in this very test."""
    name = "built_by_migrations"
    with owner_connection() as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    with as_owner(), tenancy.schema_scope(name):
        call_command(Migrate(), interactive=False, verbosity=0)
        pinned.pin_schema()
    return name


def test_a_schema_from_the_artefact_equals_one_from_real_migrations(migrated):
    """Tables, columns, defaults, identities, constraints, indexes, seed rows, positions of sequences: object by object."""
    spare = schemas.build_spare()

    with owner_connection() as connection:
        built, wanted = (schema_objects(connection, name, with_rows=True) for name in (spare.schema_name, migrated))

    assert differences(built, wanted) == []
    kinds = {name.split(" ")[0] for name in wanted}
    assert kinds == {"table", "column", "sequence", "constraint", "index", "migration", "row", "position"}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DROP INDEX {s}.tickets_ticket_newest", "index tickets_ticket_newest is missing"),
        ("DROP TABLE {s}.knox_authtoken", "table knox_authtoken is missing"),
        ("ALTER TABLE {s}.tickets_status ALTER color TYPE varchar(17)", "column tickets_status.color is character varying17"),
        ("ALTER TABLE {s}.tickets_status ALTER position SET DEFAULT 1", "column tickets_status.position is"),
        ("ALTER TABLE {s}.tickets_status ALTER position DROP NOT NULL", "column tickets_status.position is smallint instead of"),
        ("ALTER TABLE {s}.tickets_status ALTER id SET GENERATED ALWAYS", "column tickets_status.id is bigint NOT NULL IDENTITY a"),
        ("ALTER TABLE {s}.tickets_status RENAME CONSTRAINT tickets_status_pkey TO other", "constraint tickets_status.other is left over"),
        (
            "ALTER TABLE {s}.tickets_status ADD CHECK (position >= 0)",
            "constraint tickets_status.tickets_status_position_check is left over",
        ),
        ("ALTER SEQUENCE {s}.tickets_status_id_seq INCREMENT 2", "sequence of tickets_status.id is bigint 1 2"),
        ("SELECT setval('{s}.tickets_status_id_seq', 99)", "position of tickets_status.id is 99"),
        ("DELETE FROM {s}.tickets_status WHERE key = 'closed'", "row of tickets_status"),
        ("UPDATE {s}.auth_permission SET codename = 'x' WHERE id = (SELECT min(id) FROM {s}.auth_permission)", "row of auth_permission"),
        ("DELETE FROM {s}.django_migrations WHERE app = 'knox'", "migration knox.0001_initial is missing"),
        ("CREATE VIEW {s}.seen AS SELECT 1", "relation seen is left over"),
    ],
)
def test_the_oracle_names_what_is_wrong(fresh_database, damage, words):
    """The planted damage: each kind of object is looked at."""
    spare = schemas.build_spare()
    with owner_connection() as connection:
        before = schema_objects(connection, spare.schema_name, with_rows=True)
        with connection.transaction(force_rollback=True):
            connection.execute(damage.format(s=spare.schema_name))

            found = differences(schema_objects(connection, spare.schema_name, with_rows=True), before)

    assert any(line.startswith(words) for line in found), found


def test_a_failed_spare_leaves_no_orphan(fresh_database, monkeypatch):
    def fail(*_):
        raise psycopg.OperationalError("cut")

    monkeypatch.setattr(schemas, "grant_rights", fail)
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

    sys.stdout.write(f"{tables} tables of 150, {indexes} indexes of 600\n")  # `-rP` shows it
    assert tables <= 150
    assert indexes <= 600


STEPS = [
    (schemas, "_create_role"),
    (artefact, "replay"),
    (schemas, "grant_rights"),
    (Spare.objects, "create"),
    (Tenant.objects, "create"),
    (Domain.objects, "create"),
    (provisioning, "record_audit"),
    (provisioning, "autodiscover_modules"),
    (provisioning, "_open"),
]


def inventory(made: list[str]) -> tuple[set[str], set[str], set[str]]:
    """Schemas of tenants in the database, which of the roles made here exist, and what the registry knows."""
    found, roles = [], []
    for cluster in clusters():
        with owner_connection(cluster) as connection:
            found += connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%'").fetchall()
            roles += connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [made]).fetchall()
    with tenancy.public_scope():
        known = {*Tenant.objects.values_list("schema_name", flat=True), *Spare.objects.values_list("schema_name", flat=True)}
    return {row[0] for row in found}, {row[0] for row in roles}, known


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def cut(*_, **__):
    raise psycopg.OperationalError("cut")


def sign_up():
    with tenancy.public_scope():
        return services.create_tenant(name="Initech", slug="initech", owner_email="bill@initech.example")


def sign_up_and_die() -> None:
    """In a process of its own, so that nothing is tidied up: no handler runs, every connection breaks."""
    _, status = os.waitpid(fork(sign_up), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("ending", [cut, die])
@pytest.mark.parametrize(("place", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_failure_at_any_step_leaves_nothing_that_nobody_knows(fresh_database, monkeypatch, place, name, ending):
    """Before the claim there is a spare at most; behind it a tenant that the scheduler completes."""
    with tenancy.public_scope():
        Spare.objects.all().delete()
    with owner_connection() as connection:
        on_server, _, known = inventory([])
        for schema in on_server - known:
            schemas.drop_schema(connection, schema)
    made = [f"t_{os.urandom(6).hex()}" for _ in range(9)]
    token = iter(list(made))
    monkeypatch.setattr(schemas.secrets, "token_hex", lambda _size: next(token).removeprefix("t_"))

    with monkeypatch.context() as planted:
        planted.setattr(place, name, ending)
        if ending is die:
            sign_up_and_die()
        else:
            with pytest.raises(psycopg.OperationalError):
                sign_up()

    next(token)  # the one that was used in the other process
    with tenancy.public_scope():
        Spare.objects.update(created_at="2026-01-01T00:00:00Z")
        Tenant.objects.filter(slug="initech").update(created_at="2026-01-01T00:00:00Z")
        is_claimed = Tenant.objects.filter(slug="initech").exists()
        assert Domain.objects.filter(domain="initech.localhost").exists() is is_claimed
    tasks.keep_spares()
    on_server, roles, known = inventory(made)
    assert on_server == known
    assert roles == known & set(made)
    if not is_claimed:
        sign_up()
    with tenancy.tenant_scope(tenancy.resolve_host("initech.localhost")):
        assert Invitation.objects.count() == 1


def test_the_scheduler_completes_an_interrupted_tenant_and_keeps_spares(fresh_database, monkeypatch):
    with monkeypatch.context() as planted, tenancy.public_scope():
        planted.setattr(provisioning, "_open", lambda **_: (_ for _ in ()).throw(psycopg.OperationalError("cut")))
        with pytest.raises(psycopg.OperationalError):
            services.create_tenant(name="Initech", slug="initech", owner_email="bill@initech.example")
    with tenancy.public_scope():
        Tenant.objects.filter(slug="initech").update(created_at="2026-01-01T00:00:00Z")
        stale = Spare.objects.create(schema_name="t_stale", role_name="t_stale", fingerprint="old")

    tasks.keep_spares()

    with tenancy.public_scope():
        assert Tenant.objects.get(slug="initech").state == "active"
        assert Spare.objects.filter(fingerprint=tenant_fingerprint(), cluster="default").count() == schemas.SPARES_KEPT
        assert not Spare.objects.filter(pk=stale.pk).exists()


def test_the_scheduler_knows_the_work():
    entry = current_app.conf.beat_schedule["keep-spares"]

    assert entry["task"] == tasks.keep_spares.name
    assert entry["schedule"] <= 60


def test_every_model_has_pinned_ids():
    pins = pinned.pinned_ids()

    missing = [key for group, keys in pinned.wanted_keys().items() for key in keys if key not in pins[group]]
    assert missing == []
    assert all(len(set(ids.values())) == len(ids) for ids in pins.values())


def test_the_command_says_what_is_wrong(fresh_database):
    with pytest.raises(CommandError, match=r"slug: .*\(taken\)"):
        call_command("create_tenant", "--name", "X", "--slug", "acme", "--owner-email", "x@y.example")

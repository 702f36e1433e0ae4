"""A deleted tenant is gone everywhere, and its names are blocked for a while."""

import datetime
import json
import re
from pathlib import Path

import pytest
import time_machine
from conftest import ApiClient
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from kernel import redis, storage, tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.problems import ValidationProblem
from tenant_apps.intake.listener import resolve_recipient
from tenant_apps.intake.tests.factories import SECRET, signed
from tenant_apps.realtime import tickets

from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.audit import trail
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants import lifecycle, services
from shared_apps.tenants.errors import DeletionUnfinished, TenantStateConflict
from shared_apps.tenants.lifecycle import deleting, moving, traces
from shared_apps.tenants.models import RetiredName, Tenant, TenantOperation
from shared_apps.tenants.selectors import channel_route
from shared_apps.tenants.tests.lives import SECRET_TEXT, new_tenant, row_digests, schemas_and_roles


@pytest.fixture
def canela(fresh_database):
    return new_tenant("canela")


def delete(*more):
    call_command("delete_tenant", "canela", "--confirm", "canela", *more)


def canary_hits(tenant):
    """Where a text dump of every schema, every file and every key of Redis still holds the tenant's words, id or schema."""
    marks = (SECRET_TEXT, str(tenant.id), tenant.schema)
    hits = []
    with owner_connection() as connection:
        for schema, table in connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall():
            text = str(connection.execute(f'SELECT coalesce(string_agg(t::text, chr(10)), \'\') FROM "{schema}"."{table}" t').fetchone()[0])
            hits += [f"{schema}.{table}: {mark}" for mark in marks if mark in text]
    hits += [str(path) for path in Path(settings.MEDIA_ROOT).rglob("*") if str(tenant.id) in str(path)]
    for key in redis.client().scan_iter():
        hits += [key.decode()] if str(tenant.id).encode() in key else []
    return hits


def test_nothing_of_a_deleted_tenant_is_left(canela, acme, no_pause, tmp_path):
    with tenancy.tenant_scope(canela):
        tickets.issue(user_id=1, key_id=None)
    redis.client().set("stray", f"seen {canela.id} lately")
    other, before = row_digests(acme), row_digests(canela)
    assert len(canary_hits(canela)) > 5

    delete("--certificate", str(tmp_path / "certificate.json"))

    # What stays on purpose: that it was here, by its id and the name of its schema.
    kept = re.compile(
        r"public\.(events_event|audit_auditentry|tenants_tenantoperation|tenants_retiredname|tenants_auditanchor): (?!The spoke)"
    )
    assert [hit for hit in canary_hits(canela) if not kept.match(hit)] == []
    assert default_storage.listdir("")[0] == []
    assert not redis.client().exists("stray")
    assert f"schema {canela.schema}" not in schemas_and_roles()
    assert row_digests(acme) == other
    certificate = json.loads((tmp_path / "certificate.json").read_text())
    assert certificate["tables"]["messaging_message"] == {
        "rows": before["messaging_message"].rows,
        "bytes": certificate["tables"]["messaging_message"]["bytes"],
        "sha256": certificate["tables"]["messaging_message"]["sha256"],
    }
    assert certificate["removed"] == {"channel_routes": 2, "files": 1}
    assert certificate["found_afterwards"] == {"catalogues": [], "registry": [], "files": [], "redis": []}
    with tenancy.public_scope():
        assert not Tenant.objects.filter(slug="canela").exists()
        assert AuditEntry.objects.get(action="tenant.deleted").changes["certificate"][1] == certificate
        assert trail.first_broken_entry() is None


def test_media_that_was_kept_would_be_seen(canela, no_pause, monkeypatch):
    """The bite: a step that does nothing is found by the scan, and no certificate is given."""
    monkeypatch.setattr(storage, "remove_all", lambda _: 0)

    with pytest.raises(DeletionUnfinished):
        lifecycle.delete_tenant(slug="canela")

    with tenancy.public_scope():
        operation = TenantOperation.objects.get(kind="delete")
    assert (operation.state, operation.step) == ("running", "certify")
    assert "certificate" not in operation.data

    monkeypatch.undo()
    monkeypatch.setattr(moving, "pause", lambda _: None)
    assert lifecycle.delete_tenant(slug="canela")["found_afterwards"]["files"] == []


def test_sessions_keys_links_hooks_and_mail_end_at_once(canela, monkeypatch):
    with tenancy.tenant_scope(canela):
        _, key = accounts.create_api_key(user=User.objects.get(email="ana@canela.example"), name="test")
        ticket = tickets.issue(user_id=1, key_id=None)
    raw, headers = signed({"contact": {"external_id": "u-1"}, "text": "Hi"}, secret=SECRET)
    assert channel_route("api", "key-of-canela") is not None
    answers = []

    def knock(_seconds):
        """While the deletion waits, right after the first step: everything is closed already."""
        answers.append(ApiClient("canela.localhost", key).get("/api/v1/tickets").status_code)
        answers.append(Client(HTTP_HOST="localhost").generic("POST", "/hooks/v1/key-of-canela", raw, **headers).status_code)
        answers.append(resolve_recipient("support@canela.localhost"))

    monkeypatch.setattr(moving, "pause", knock)
    delete()

    assert answers == [404, 401, None]
    with tenancy.tenant_scope(canela):
        assert tickets.redeem(ticket) is None


def test_a_newcomer_gets_neither_slug_nor_addresses_for_ninety_days(canela, acme, no_pause):
    delete()

    with tenancy.public_scope(), pytest.raises(ValidationProblem, match="deleted lately"):
        services.create_tenant(name="New", slug="canela", owner_email="o@new.example")
    with pytest.raises(Exception, match="deleted tenant"):
        services.add_channel_route(tenant=acme, connector="email", external_id="support@canela.localhost", inbox_id=acme.id)
    with time_machine.travel(now() + datetime.timedelta(days=91)), tenancy.public_scope():
        newcomer = services.create_tenant(name="New", slug="canela", owner_email="o@new.example")

    assert row_digests(tenancy.resolve_host("canela.localhost"))["messaging_message"].rows == 0
    assert newcomer.public_id != canela.id


def test_without_the_block_a_newcomer_would_get_the_slug(canela, no_pause):
    delete()
    with tenancy.public_scope():
        RetiredName.objects.all().delete()

        assert services.create_tenant(name="New", slug="canela", owner_email="o@new.example").slug == "canela"


def test_its_own_archive_may_take_the_slug_back(canela, no_pause, tmp_path):
    call_command("export_tenant", "canela", "--to", str(tmp_path / "a"))
    delete()

    call_command("import_tenant", str(tmp_path / "a"), "--slug", "canela")

    assert channel_route("email", "support@canela.localhost").tenant.slug == "canela"
    with tenancy.public_scope():
        assert not RetiredName.objects.filter(name__in=["canela", "canela.localhost"]).exists()


def test_asking_again_gives_the_same_certificate(canela, no_pause):
    first = lifecycle.delete_tenant(slug="canela")

    assert lifecycle.delete_tenant(slug="canela") == first
    with tenancy.public_scope():
        assert AuditEntry.objects.filter(action="tenant.deleted").count() == 1


@pytest.mark.parametrize("typed", ["", "Canela", "acme"])
def test_without_the_typed_slug_nothing_happens(canela, monkeypatch, typed):
    monkeypatch.setattr("builtins.input", lambda _: typed)
    before = row_digests(canela)

    with pytest.raises(CommandError, match="Not confirmed"):
        call_command("delete_tenant", "canela")

    assert row_digests(canela) == before
    assert tenancy.resolve_host("canela.localhost").state == "active"
    with tenancy.public_scope():
        assert not TenantOperation.objects.exists()


def test_an_unknown_tenant_is_named(fresh_database):
    with pytest.raises(CommandError, match="no tenant nobody"):
        call_command("delete_tenant", "nobody", "--confirm", "nobody")


@pytest.mark.parametrize("state", ["provisioning", "moving"])
def test_a_tenant_in_another_ones_hands_is_not_deleted(canela, state):
    with tenancy.public_scope():
        Tenant.objects.filter(slug="canela").update(state=state)
    before = row_digests(canela)

    with pytest.raises(TenantStateConflict):
        lifecycle.delete_tenant(slug="canela")

    assert row_digests(canela) == before


def test_a_tenant_that_is_being_deleted_cannot_be_resumed(canela, monkeypatch):
    def resume(_seconds):
        with tenancy.public_scope(), pytest.raises(TenantStateConflict):
            services.resume_tenant(tenant=Tenant.objects.get(slug="canela"))

    monkeypatch.setattr(moving, "pause", resume)

    lifecycle.delete_tenant(slug="canela")

    assert traces.find_traces(tenant_id=canela.id, schema=canela.schema, slug="canela")["registry"] == []
    assert deleting.find_deletion("canela").state == "done"

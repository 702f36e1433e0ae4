"""A tenant moves to another cluster: reading goes on, writing waits, nothing is lost, nothing answers from the old schema."""

import datetime

import psycopg
import pytest
from celery import current_app
from conftest import ApiClient
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.db.routing import transaction_in_scope
from kernel.problems import ReadOnly
from kernel.tasks import tenant_task
from kernel.uow import unit_of_work
from tenant_apps.contacts.models import Contact
from tenant_apps.contacts.services import contact_for_email
from tenant_apps.intake.listener import store_mail
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import FIRST_MAIL, SECRET, signed
from tenant_apps.messaging.models import Delivery

from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.tenants import directory, lifecycle
from shared_apps.tenants.errors import MoveNotPossible
from shared_apps.tenants.fleet import workers
from shared_apps.tenants.lifecycle import copying, fence, moving
from shared_apps.tenants.models import FleetRun, FleetStep, Tenant, TenantOperation
from shared_apps.tenants.tests.lives import Points, let_go, new_tenant, reference_of, row_digests, schemas_and_roles


@pytest.fixture
def canela(second_cluster):
    return new_tenant("canela")


@pytest.fixture
def key(canela):
    with tenancy.tenant_scope(canela):
        return accounts.create_api_key(user=User.objects.get(email="ana@canela.example"), name="test")[1]


def row(slug="canela"):
    with tenancy.public_scope():
        return Tenant.objects.get(slug=slug)


def move(cluster="second", reporter=None):
    return lifecycle.move_tenant(tenant=row(), cluster=cluster, reporter=reporter)


class At:
    """A reporter that does something at one point of the move."""

    def __init__(self, point, act):
        self.point, self.act, self.found = point, act, []

    def reached(self, point, done=0, total=0):
        if point == self.point:
            self.found.append(self.act())


def test_every_row_arrives_and_the_old_schema_stays_until_it_is_confirmed(canela, no_pause):
    before = row_digests(canela)

    call_command("move_tenant", "canela", "--to", "second")

    moved = reference_of("canela")
    assert (moved.cluster, moved.state, moved.id) == ("second", "active", canela.id)
    assert row_digests(moved) == before == row_digests(canela)
    assert f"schema {canela.schema}" in schemas_and_roles("default")

    call_command("move_tenant", "canela", "--confirm")

    assert f"schema {canela.schema}" not in schemas_and_roles("default")
    assert f"role {canela.role}" not in schemas_and_roles("default")
    assert row_digests(moved) == before
    with tenancy.tenant_scope(moved):
        contact_for_email(email="mia@mail.example", name="Mia")
        assert Contact.objects.filter(name="Mia").count() == 1


def test_a_session_and_a_key_of_before_work_afterwards(canela, key, no_pause):
    client = ApiClient("canela.localhost", key)
    before = client.get("/api/v1/tickets").json()["results"]

    move()

    assert len(before) == 2
    assert ApiClient("canela.localhost", key).get("/api/v1/tickets").json()["results"] == before


# --- the window --------------------------------------------------------------------------------------------------------
def test_in_the_window_reading_works_and_writing_is_503(canela, key, no_pause):
    client = ApiClient("canela.localhost", key)

    def look():
        tenancy.forget_directory()
        return client.get("/api/v1/tickets"), client.post_json("/api/v1/tickets", {})

    at = At("load", look)
    move(reporter=at)

    [(reading, writing)] = at.found
    assert (reading.status_code, len(reading.json()["results"])) == (200, 2)
    assert (writing.status_code, writing.json()["type"], writing["Content-Type"]) == (
        503,
        "/problems/read-only",
        "application/problem+json",
    )
    assert int(writing["Retry-After"]) > 0


def test_in_the_window_other_tenants_write(canela, acme, client_for, ana, no_pause):
    client = client_for(ana)
    at = At("load", lambda: client.post_json("/api/v1/contacts", {"name": "x", "email": "x@mail.example"}).status_code)

    move(reporter=at)

    assert at.found[0] != 503


def test_in_the_window_mail_and_hooks_are_asked_to_come_again_and_then_taken(canela, no_pause):
    raw, headers = signed({"contact": {"external_id": "u-1", "name": "Mia"}, "text": "Hi"}, hook_id="msg_window", secret=SECRET)

    def knock():
        tenancy.forget_directory()
        with pytest.raises(ReadOnly):
            store_mail("support@canela.localhost", FIRST_MAIL.replace(b"first", b"window"), {})
        return hook(raw, headers).status_code

    at = At("fence.done", knock)
    move(reporter=at)

    assert at.found == [503]
    assert hook(raw, headers).status_code == 202
    store_mail("support@canela.localhost", FIRST_MAIL.replace(b"first", b"window"), {})
    with tenancy.tenant_scope(reference_of("canela")):
        assert InboundEvent.objects.filter(dedup_key="msg_window").count() == 1


def hook(raw, headers):
    return Client(HTTP_HOST="localhost").generic("POST", "/hooks/v1/key-of-canela", raw, content_type="application/json", **headers)


def test_in_the_window_no_task_and_no_unit_of_work_runs(canela, no_pause, monkeypatch):
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)
    ran = []
    task = tenant_task(queue="default")(lambda: ran.append(1))

    def work():
        tenancy.forget_directory()
        current_app.tasks[task.name](tenant_id=str(canela.id))
        with tenancy.tenant_scope(tenancy.resolve_tenant(canela.id)), pytest.raises(ReadOnly), unit_of_work():
            pass

    move(reporter=At("build", work))
    tenancy.forget_directory()
    assert ran == []
    current_app.tasks[task.name](tenant_id=str(canela.id))
    assert ran == [1]


def test_a_process_that_missed_the_window_cannot_write(canela, no_pause):
    """`canela` is what such a process remembers: active, on the old cluster."""

    def write():
        with pytest.raises(DatabaseError), tenancy.tenant_scope(canela):
            Contact.objects.create(name="Late")
        let_go()
        return row_digests(canela)["contacts_contact"]

    before = row_digests(canela)["contacts_contact"]
    at = At("load", write)
    move(reporter=at)

    assert at.found == [before]
    assert row_digests(reference_of("canela"))["contacts_contact"] == before


def test_without_the_fence_such_a_write_would_be_lost(canela, no_pause, monkeypatch):
    """The bite: with the fence left out the late row is written to the old schema and is not in the new one."""
    monkeypatch.setattr(fence, "forbid_writing", lambda **_: None)

    def write():
        with tenancy.tenant_scope(canela):
            Contact.objects.create(name="Late")
        let_go()

    move(reporter=At("load.committed", write))

    with tenancy.tenant_scope(reference_of("canela")):
        assert not Contact.objects.filter(name="Late").exists()
    assert row_digests(canela)["contacts_contact"].rows == row_digests(reference_of("canela"))["contacts_contact"].rows + 1


def test_the_fence_waits_for_a_transaction_that_was_begun_before(canela, monkeypatch):
    """The writer has passed the check of its rights; the fence must not close behind its back."""
    monkeypatch.setattr(fence, "LOCK_TIMEOUT", "300ms")
    with tenancy.tenant_scope(canela), transaction_in_scope():
        Contact.objects.create(name="Early")

        with pytest.raises(psycopg.errors.LockNotAvailable):
            fence.forbid_writing("default", canela.schema)

    fence.forbid_writing("default", canela.schema)
    with tenancy.tenant_scope(canela):
        assert Contact.objects.filter(name="Early").exists()


def test_a_delivery_that_a_worker_holds_is_waited_for(canela, monkeypatch):
    with tenancy.tenant_scope(canela):
        Delivery.objects.update(state="sending", lease_until=now() + datetime.timedelta(minutes=1))
    waits = []

    def pause(seconds):
        waits.append(seconds)
        if waits.count(moving._BUSY_PAUSE) == 3 and seconds == moving._BUSY_PAUSE:
            with tenancy.tenant_scope(canela):
                Delivery.objects.update(state="sent", lease_until=None)

    monkeypatch.setattr(moving, "pause", pause)
    at = At("fence", lambda: row_digests(canela)["messaging_delivery"])
    move(reporter=at)

    assert waits.count(moving._BUSY_PAUSE) == 3
    assert row_digests(reference_of("canela"))["messaging_delivery"] == at.found[0]


# --- migrations --------------------------------------------------------------------------------------------------------
def claimed_by_the_fleet(connection):
    values = {"wave": 1, "target": "next", "cluster": "", "tenant": None}
    return connection.execute(workers._CLAIM, values).fetchone()


def waiting_step():
    with tenancy.public_scope():
        run = FleetRun.objects.create(target="next")
        FleetStep.objects.create(tenant=row(), run=run, source=row().fingerprint, target="next", state="waiting", wave=1)


def test_a_migration_under_way_is_waited_for(canela, no_pause, monkeypatch):
    """It would give the role its rights back in the middle of the copy."""
    monkeypatch.setattr(fence, "LOCK_TIMEOUT", "300ms")
    waiting_step()
    with owner_connection() as registry, registry.transaction():
        assert claimed_by_the_fleet(registry) is not None

        with pytest.raises(psycopg.errors.LockNotAvailable):
            move()

    assert (reference_of("canela").cluster, reference_of("canela").state) == ("default", "active")


def test_the_fleet_leaves_a_tenant_alone_that_is_being_moved(canela, no_pause):
    waiting_step()

    def claim():
        with owner_connection() as registry, registry.transaction():
            return claimed_by_the_fleet(registry)

    at = At("load", claim)
    move(reporter=at)

    assert at.found == [None]
    assert claim() is not None


def test_a_tenant_that_was_migrated_in_the_window_stays_where_it_is(canela, no_pause):
    def migrate():
        with tenancy.public_scope():
            Tenant.objects.filter(slug="canela").update(fingerprint="next")

    with pytest.raises(MoveNotPossible):
        move(reporter=At("window", migrate))

    assert (reference_of("canela").cluster, reference_of("canela").state) == ("default", "active")
    assert schemas_and_roles("second") == set()


# --- what processes remember -------------------------------------------------------------------------------------------
def test_each_change_of_the_registry_is_outwaited_before_the_next_step(canela, monkeypatch):
    """A process may remember the registry for KEEP_SECONDS; what the registry says during each wait is what it will know after it."""
    waits = []
    monkeypatch.setattr(moving, "pause", lambda seconds: waits.append((seconds > directory.KEEP_SECONDS, row().state, row().cluster)))
    points = Points()

    move(reporter=points)

    assert waits == [(True, "moving", "default"), (True, "moving", "second")]
    steps = [point for point in points.seen if "." not in point]
    assert steps == ["window", "fence", "build", "load", "switch", "seal", "open"]


def test_after_the_move_a_process_that_remembers_the_old_place_gets_no_answer(canela, no_pause):
    move()

    with tenancy.tenant_scope(canela), pytest.raises(DatabaseError):
        Contact.objects.count()


def test_without_the_seal_it_would_get_an_old_answer(canela, no_pause, monkeypatch):
    """The bite: the old schema is still there and full."""
    monkeypatch.setattr(fence, "forbid_everything", lambda **_: None)
    move()

    with tenancy.tenant_scope(canela):
        assert Contact.objects.count() > 0


# --- going back --------------------------------------------------------------------------------------------------------
def test_a_move_can_be_taken_back_while_nothing_was_written(canela, no_pause):
    before = row_digests(canela)
    move()
    new = reference_of("canela")

    call_command("move_tenant", "canela", "--undo")

    back = reference_of("canela")
    assert (back.cluster, back.schema, back.state) == ("default", canela.schema, "active")
    assert row_digests(back) == before
    assert f"schema {new.schema}" not in schemas_and_roles("second")
    with tenancy.tenant_scope(back):
        contact_for_email(email="mia@mail.example", name="Mia")
    with tenancy.public_scope():
        assert list(TenantOperation.objects.order_by("id").values_list("kind", "state")) == [("move", "undone"), ("move_back", "done")]


def test_after_a_write_there_is_no_way_back(canela, no_pause):
    move()
    with tenancy.tenant_scope(reference_of("canela")):
        contact_for_email(email="zoe@mail.example", name="Zoe")

    with pytest.raises(CommandError, match="written since the move: audit_auditentry, contacts_contact"):
        call_command("move_tenant", "canela", "--undo")

    stayed = reference_of("canela")
    assert (stayed.cluster, stayed.state) == ("second", "active")
    with tenancy.tenant_scope(stayed):
        contact_for_email(email="yan@mail.example", name="Yan")
        assert set(Contact.objects.filter(name__in=["Zoe", "Yan"]).values_list("name", flat=True)) == {"Zoe", "Yan"}


# --- refusals ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--to", "moon"], "unknown"), (["--to", "default"], "already"), (["--confirm"], "No move"), (["--undo"], "No move")],
)
def test_a_move_that_makes_no_sense_is_refused_and_changes_nothing(canela, no_pause, arguments, words):
    before = (schemas_and_roles(), schemas_and_roles("second"), row_digests(canela), reference_of("canela"))

    with pytest.raises(CommandError, match=words):
        call_command("move_tenant", "canela", *arguments)

    assert (schemas_and_roles(), schemas_and_roles("second"), row_digests(canela), reference_of("canela")) == before
    with tenancy.public_scope():
        assert not TenantOperation.objects.exists()


def test_a_suspended_tenant_is_not_moved(canela, no_pause):
    with tenancy.public_scope():
        Tenant.objects.filter(slug="canela").update(state="suspended")

    with pytest.raises(CommandError, match="suspended"):
        call_command("move_tenant", "canela", "--to", "second")

    assert reference_of("canela").state == "suspended"


def test_a_waiting_move_blocks_the_next_move_and_the_deletion(canela, no_pause):
    move()

    with pytest.raises(MoveNotPossible):
        lifecycle.move_tenant(tenant=row(), cluster="default")
    with pytest.raises(MoveNotPossible):
        lifecycle.delete_tenant(slug="canela")

    assert reference_of("canela").state == "active"


def test_a_copy_that_differs_is_dropped_and_the_tenant_stays(canela, no_pause, monkeypatch):
    monkeypatch.setattr(copying.tables, "load", lossy(copying.tables.load))

    with pytest.raises(CommandError, match="differ"):
        call_command("move_tenant", "canela", "--to", "second")

    stayed = reference_of("canela")
    assert (stayed.cluster, stayed.state) == ("default", "active")
    assert schemas_and_roles("second") == set()
    with tenancy.tenant_scope(stayed):
        contact_for_email(email="mia@mail.example", name="Mia")


def lossy(load):
    return lambda connection, schema, table, blocks: load(
        connection, schema, table, (block.replace(b"spoke", b"spike") for block in blocks)
    )

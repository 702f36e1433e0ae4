"""Everything that is not a row carries its tenant too, and is an error where none is entered."""

import io
import json
import logging
import uuid

import pytest
import structlog
from celery import current_app
from django.core.cache import cache, caches
from django.core.files.storage import default_storage
from kernel import crypto, hints, limits, logs, storage, tenancy
from kernel import redis as redis_client
from kernel.db.routing import connection_in_scope
from kernel.problems import TooManyRequests
from kernel.tenancy import NoTenantContext
from shared_apps.events.models import IdempotencyRecord
from tenant_apps.messaging.tasks import deliver_message
from tenant_apps.realtime import tickets as socket_tickets
from tenant_apps.realtime.hub import Hub

DELIVER = "tenant_apps.messaging.tasks.deliver_message"


# --- checkers: each returns what is wrong, so that a planted bug can be shown to be found --------------------------------
def shared_cache_keys(acme, globex):
    """Values that one tenant's cache answers to the other, and keys that do not name the tenant."""
    with tenancy.tenant_scope(acme):
        cache.set("path/7", "of acme")
    with tenancy.tenant_scope(globex):
        found = [] if cache.get("path/7") is None else ["globex reads acme's cache"]
    return found + [f"the key {key} names no tenant" for key in _keys() if key.startswith("cache:") and str(acme.id) not in key]


def shared_files(acme, globex):
    """Files that another tenant can read by their key, and keys outside of the tenant's folder."""
    with tenancy.tenant_scope(acme):
        key = storage.put(b"a file of acme")
    found = [] if key.startswith(f"{acme.id}/") else [f"{key} is not in acme's folder"]
    with tenancy.tenant_scope(globex):
        try:
            storage.get(key)
            found.append("globex reads acme's file")
        except FileNotFoundError:
            pass
    return found


def shared_limits(acme, globex):
    """Uses that are counted against another tenant."""
    with tenancy.tenant_scope(acme):
        limits.take("1/minute", "sign-in", "someone")
        with pytest.raises(TooManyRequests):
            limits.take("1/minute", "sign-in", "someone")
    with tenancy.tenant_scope(globex):
        try:
            limits.take("1/minute", "sign-in", "someone")
        except TooManyRequests:
            return ["acme used up what globex may"]
    return []


def untold_tasks(acme, send):
    """Messages to the workers that do not say whose work they are."""
    with tenancy.tenant_scope(acme):
        deliver_message.enqueue(acme.id, message_id=1)
    return [f"{name} names no tenant" for name, options in send if options.get("kwargs", {}).get("tenant_id") != str(acme.id)]


def unmarked_lines(acme, lines):
    """Log lines that do not name the tenant."""
    with tenancy.tenant_scope(acme):
        structlog.stdlib.get_logger("isolation").warning("something.happened")
    return [line for line in lines() or [{"event": "nothing was logged"}] if line.get("tenant") != str(acme.id)]


def _keys():
    return [key.decode() for key in redis_client.client().scan_iter()]


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the workers."""
    found = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: found.append((name, options)))
    return found


@pytest.fixture
def lines():
    """Log lines as JSON objects, formatted as production does."""
    handlers, level, written = logging.root.handlers[:], logging.root.level, io.StringIO()
    logs.configure(as_json=True, level="WARNING")
    logging.root.handlers[0].setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


# --- cache, files, limits ----------------------------------------------------------------------------------------------
def test_cache_keys_carry_the_tenant(acme, globex, db):
    assert shared_cache_keys(acme, globex) == []


def test_the_cache_without_a_scope_is_an_error(db):
    with pytest.raises(NoTenantContext):
        cache.get("path/7")
    assert _keys() == []


def test_a_cache_key_without_a_tenant_is_found(acme, globex, db, monkeypatch):
    monkeypatch.setattr(caches["default"], "key_func", lambda key, prefix, version: f"cache:{key}")

    assert len(shared_cache_keys(acme, globex)) == 2


def test_stored_files_lie_under_the_tenant(acme, globex, db):
    assert shared_files(acme, globex) == []


@pytest.mark.parametrize(
    "path", ["{own}/../{foreign}", "{own}//../{foreign}", "{own}/aa/../../{foreign}", "../{foreign}", "{own}", "{own}/"]
)
def test_a_key_that_climbs_out_of_ones_own_folder_names_no_file(acme, globex, db, path):
    with tenancy.tenant_scope(globex):
        foreign = storage.put(b"a file of globex")

    with tenancy.tenant_scope(acme), pytest.raises(FileNotFoundError):
        storage.get(path.format(own=acme.id, foreign=foreign))


def test_files_without_a_scope_are_an_error(db):
    with pytest.raises(NoTenantContext):
        storage.put(b"nobody's")
    with pytest.raises(NoTenantContext):
        storage.get(f"{uuid.UUID(int=1)}/aa/x")


def test_a_storage_that_does_not_check_the_prefix_is_found(acme, globex, db, monkeypatch):
    monkeypatch.setattr(storage, "get", lambda key: default_storage.open(key).read())

    assert shared_files(acme, globex) == ["globex reads acme's file"]


def test_rate_limits_are_counted_for_each_tenant(acme, globex, db):
    assert shared_limits(acme, globex) == []
    assert all(str(acme.id) in key or str(globex.id) in key for key in _keys())


def test_a_limit_without_a_scope_is_an_error(db):
    with pytest.raises(NoTenantContext):
        limits.take("1/minute", "sign-in")


def test_a_limit_that_all_tenants_share_is_found(acme, globex, db, monkeypatch):
    monkeypatch.setattr(tenancy, "scope_key", lambda: "everybody")

    assert shared_limits(acme, globex) == ["acme used up what globex may"]


# --- hints, sockets, keys, locks ---------------------------------------------------------------------------------------
def test_a_hint_names_its_tenant_and_carries_nothing_else(acme, db, monkeypatch):
    published = []
    monkeypatch.setattr(redis_client.client(), "publish", lambda channel, message: published.append(message))

    hints.announce(acme, 7)

    assert published == [f"{acme.id} 7"]


def test_a_hint_wakes_the_feed_of_its_tenant_alone(acme, globex):
    woken, hub = [], Hub()
    for tenant in (acme, globex):
        hub._feeds[tenant.id] = type("Feed", (), {"wake": lambda self, name=tenant.slug: woken.append(name)})()

    hub._hint(f"{acme.id} 7".encode())
    hub._hint(b"not a tenant at all, but long enough to be one")

    assert woken == ["acme"]


def test_a_socket_ticket_is_stored_under_its_tenant(acme, globex, db):
    with tenancy.tenant_scope(acme):
        ticket = socket_tickets.issue(user_id=1, key_id=None)

    assert _keys() == [f"socket-ticket:{acme.id}:{ticket}"]
    with tenancy.tenant_scope(globex):
        assert socket_tickets.redeem(ticket) is None
    with pytest.raises(NoTenantContext):
        socket_tickets.issue(user_id=1, key_id=None)


def test_derived_keys_differ_between_tenants(acme, globex):
    with tenancy.tenant_scope(acme):
        ours = crypto.derive_key("files")
    with tenancy.tenant_scope(globex):
        theirs = crypto.derive_key("files")

    assert ours != theirs
    with pytest.raises(NoTenantContext):
        crypto.derive_key("files")


def test_locks_are_rows_of_the_tenant(acme, globex, in_acme):
    """Nothing locks by a number that all tenants share: counters are rows, so a lock ends at the schema."""
    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT last_seq FROM events_counter FOR UPDATE")
        cursor.execute(
            "SELECT DISTINCT n.nspname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE l.pid = pg_backend_pid() AND l.mode LIKE 'Row%%'"
        )
        locked = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        advisory = cursor.fetchone()[0]

    assert (locked, advisory) == ({acme.schema}, 0)


# --- work, requests, logs ----------------------------------------------------------------------------------------------
def test_tasks_name_their_tenant(acme, db, sent):
    assert untold_tasks(acme, sent) == []
    assert len(sent) == 1


def test_a_task_without_a_tenant_is_refused(db):
    with pytest.raises(TypeError, match="tenant_id"):
        current_app.tasks[DELIVER](message_id=1)


@pytest.mark.parametrize(("tenant_id", "event"), [("", "task.failed"), (str(uuid.UUID(int=1)), "task.left_to_the_sweeper")])
def test_a_task_of_no_known_tenant_runs_nothing(fresh_database, lines, tenant_id, event):
    """What it would do needs a scope, and none is entered."""
    logging.root.setLevel("INFO")

    current_app.tasks[DELIVER](tenant_id=tenant_id, message_id=1)

    assert [line["event"] for line in lines()] == [event]
    with pytest.raises(NoTenantContext):
        tenancy.current_scope()


def test_a_task_that_forgets_its_tenant_is_found(acme, db, sent, monkeypatch):
    monkeypatch.setattr(type(deliver_message), "enqueue", lambda self, tenant_id, **ids: current_app.send_task(self.name, kwargs=ids))

    assert untold_tasks(acme, sent) == ["tenant_apps.messaging.tasks.deliver_message names no tenant"]


def test_the_same_idempotency_key_of_two_tenants_is_two_requests(client_for, ana, rui, acme, globex):
    body = {"subject": "Rear brake rubs", "requester_email": "bia@mail.example"}

    ours = client_for(ana).post_json("/api/v1/tickets", body, Idempotency_Key="the-same")
    theirs = client_for(rui).post_json("/api/v1/tickets", body, Idempotency_Key="the-same")

    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert ours.json()["id"] != theirs.json()["id"]
    for tenant in (acme, globex):
        with tenancy.tenant_scope(tenant):
            assert IdempotencyRecord.objects.filter(key="the-same").count() == 1
    with pytest.raises(NoTenantContext):
        IdempotencyRecord.objects.count()


def test_log_lines_name_the_tenant(acme, lines):
    assert unmarked_lines(acme, lines) == []


def test_a_log_line_outside_of_any_scope_names_none(lines):
    structlog.stdlib.get_logger("isolation").warning("something.happened")

    assert [line.get("tenant") for line in lines()] == [None]


def test_a_logged_failure_carries_no_local_variables(acme, lines):
    """They hold what a log must never hold: bodies, addresses, tokens."""

    def fail():
        body = "my secret address is 12 High Street"
        raise ValueError(len(body))

    with tenancy.tenant_scope(acme):
        try:
            fail()
        except ValueError:
            structlog.stdlib.get_logger("isolation").exception("something.failed")

    (line,) = lines()
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "fail" in {frame["name"] for frame in line["exception"][0]["frames"]}
    assert "High Street" not in json.dumps(line)


def test_a_log_that_lost_the_tenant_is_found(acme, lines, monkeypatch):
    monkeypatch.setattr(logs, "current_scope_or_none", lambda: None)

    assert len(unmarked_lines(acme, lines)) == 1

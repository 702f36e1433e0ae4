"""Whatever writes leaves an audit entry: every operation of the API, every form of the pages, every public service."""

import contextlib
import contextvars
import dataclasses
import datetime
import importlib
import inspect
import pkgutil
import re

import pytest
import shared_apps
import tenant_apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from kernel import redis as redis_client
from kernel import tenancy
from kernel.clock import now
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.services import sessions
from shared_apps.audit.models import AuditEntry

from tests.isolation import canaries, crawl, preparing, routes
from tests.isolation.routes import BASE
from tests.isolation.writes import SILENT_SERVICES, UNREACHED, WITHOUT_ENTRY

# Operations that take several transactions, and so cannot be taken back.
CREATING = {"POST base:/api/platform/v1/tenants", "POST base:/operator/tenants/new/"}


@pytest.fixture
def planted(fresh_database, acme, globex):
    """Acme, full of everything that can be written to."""
    return canaries.plant(acme)


@pytest.fixture
def operator(fresh_database):
    """An operator's key and session."""
    with tenancy.public_scope():
        user = User.objects.get(email="operator@atende.example")
        _, key = accounts.create_api_key(user=user, name="writes")
        return key, canaries.session_of(user)


def writing():
    return [operation for operation in [*routes.documented(), *routes.PAGES] if operation.method != "get"]


def entries(operation, canary):
    with tenancy.public_scope() if operation.host == BASE else tenancy.tenant_scope(canary.tenant):
        return AuditEntry.objects.count()


def send(client, operation, canary, operator, *, stays=False):
    """One call with one's own ids, as the owner of the tenant or as an operator. Returns the answer and how many entries it left.

    Everything is taken back but what `stays`, which takes several transactions.
    """
    key, session = operator if operation.host == BASE else (canary.keys["owner"], canary.sessions["owner"])
    host = settings.ATENDE_BASE_HOST if operation.host == BASE else canary.tenant.host
    redis_client.client().flushdb()
    with contextlib.nullcontext() if stays else crawl.undone(depth=1):
        ready = preparing.prepare(operation, canary)
        wanted = dataclasses.replace(operation, body={**(operation.body or {}), **ready.body}) if ready.body else operation
        values = crawl._values(canary) | ready.ids
        ask = next(iter(crawl._asks_in_path(wanted, "own", values, values)))
        headers = {"HTTP_HOST": host, "HTTP_ACCEPT": "text/html" if operation.is_page else "application/json", **ask.headers}
        if not operation.is_page and not ready.session:
            headers["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        client.cookies.clear()
        if operation.is_page and not operation.is_open and "/sign-in/" not in operation.path:
            client.cookies[settings.SESSION_COOKIE_NAME] = session
        if ready.session:
            client.cookies[settings.SESSION_COOKIE_NAME] = ready.session
        before = entries(operation, canary)
        answer = contextvars.Context().run(
            client.generic, operation.method.upper(), ask.url, ask.body, content_type=ask.content_type, **headers
        )
        return answer, entries(operation, canary) - before


def is_done(operation, answer):
    """Whether the call did what it is for: being sent to the sign-in is a refusal, except at the end of a way out."""
    location = answer.get("Location", "")
    is_sent_away = (location == "/sign-in/" or location.startswith("/sign-in/?next=")) and not operation.path.endswith("/sign-out/")
    return answer.status_code < 400 and not is_sent_away


@pytest.mark.timeout(300)
def test_every_writing_operation_leaves_an_entry(planted, operator, client, counted):
    silent, failed, loud = [], [], []
    for operation in writing():
        answer, left = send(client, operation, planted, operator, stays=operation.name in CREATING)
        if operation.name in UNREACHED:
            continue
        if not is_done(operation, answer):
            failed.append(f"{operation.name}: {answer.status_code} {answer.content[:200]!r}")
        elif operation.name in WITHOUT_ENTRY:
            loud += [operation.name] if left else []
        elif not left:
            silent.append(operation.name)

    counted("audit coverage", operations=len(writing()), without_entry=len(WITHOUT_ENTRY))
    assert failed == []
    assert silent == []
    assert loud == [], "they leave entries now: take them off the list"
    assert set(WITHOUT_ENTRY) | set(UNREACHED) | CREATING <= {operation.name for operation in writing()}
    assert all(len(reason) > 10 for reason in WITHOUT_ENTRY.values())


def test_a_write_without_an_entry_would_be_seen(planted, operator, client, monkeypatch):
    operation = next(found for found in writing() if found.name == "PATCH tenant:/api/v1/tickets/{ticket_id}")
    monkeypatch.setattr("tenant_apps.tickets.services.changing.record_audit", lambda **_: None)

    answer, left = send(client, operation, planted, operator)

    assert (answer.status_code, left) == (200, 0)


def test_reading_leaves_no_entry_but_where_it_is_sensitive(planted, operator, client):
    reading = [operation for operation in routes.documented() if operation.method == "get"]
    leaving = {operation.name for operation in reading if send(client, operation, planted, operator)[1]}

    assert leaving == set()
    answer, left = send(client, *export_of(planted), operator)
    assert (answer.status_code, left) == (200, 1)


def export_of(canary):
    export = next(found for found in routes.documented() if found.path == "/api/v1/audit-entries/export")
    wanted = routes.dataclasses.replace(export, path=export.path + "?format=csv", query=())
    return wanted, canary


# Addresses whose GET writes, and what.
WRITING_GETS = {
    "GET tenant:/api/v1/audit-entries/export": "that somebody takes entries out is an entry",
    "GET tenant:/api/v1/tickets/export": "that somebody takes tickets out is an entry",
    "GET tenant:/inbox/{ticket_id}/": "read marks",
    "GET tenant:/sso/callback": "that nobody was signed in is an entry",
}


def test_b17_no_get_changes_a_row(planted, operator, client):
    """As the owner, who may ask for everything; that a key or session was used is noted once in a while and has just been."""
    with tenancy.tenant_scope(planted.tenant):
        ApiKey.objects.update(last_used_at=now() + datetime.timedelta(hours=1))
        session = SessionStore(planted.sessions["owner"])
        session[sessions._SEEN] = int(now().timestamp()) + 3600
        session.save()
    reading = [found for found in [*routes.documented(), *routes.PAGES] if found.method == "get" and found.host != BASE]
    before, changing = crawl.digest(planted.tenant), []

    for operation in reading:
        with crawl.undone(depth=2):
            wanted = (
                routes.dataclasses.replace(operation, path=operation.path + "?format=csv", query=())
                if operation.path.endswith("/export")
                else operation
            )
            ask = next(iter(crawl._asks_in_path(wanted, "own", crawl._values(planted), crawl._values(planted))))
            headers = {"HTTP_HOST": planted.tenant.host, "HTTP_ACCEPT": "text/html" if operation.is_page else "application/json"}
            client.cookies.clear()
            if operation.is_page:
                client.cookies[settings.SESSION_COOKIE_NAME] = planted.sessions["owner"]
            else:
                headers["HTTP_AUTHORIZATION"] = f"Bearer {planted.keys['owner']}"
            answer = contextvars.Context().run(client.get, ask.url, **headers)
            assert answer.status_code < 500, operation.name
            if crawl.digest(planted.tenant) != before:
                changing.append(operation.name)

    assert len(reading) > 30
    assert set(changing) == set(WRITING_GETS)


# --- services ----------------------------------------------------------------------------------------------------------
def units():
    """Every function of ours in a module of services that is a unit of work, by its full name."""
    found = {}
    for package in (shared_apps, tenant_apps):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".tests" in module.name or not re.search(r"\.services(\.|$)", module.name):
                continue
            loaded = importlib.import_module(module.name)
            for name, function in inspect.getmembers(loaded, inspect.isfunction):
                is_own = function.__module__ == module.name and hasattr(function, "__wrapped__")
                if is_own and "@unit_of_work" in inspect.getsource(function):
                    found[f"{module.name}.{name}"] = (loaded, function)
    return found


def writes_an_entry(module, function, seen=frozenset()):
    """Whether the function, or one of its module that it calls, records an audit entry."""
    source = inspect.getsource(function)
    if "record_audit(" in source or "tell_of_second_step(" in source:  # the latter records for all changes of a second step
        return True
    called = {name for name in re.findall(r"\b(\w+)\(", source) if name not in seen}
    own = [(name, getattr(module, name, None)) for name in called]
    return any(
        writes_an_entry(module, inner, seen | called)
        for name, inner in own
        if inspect.isfunction(inner) and inner is not function and inner.__module__ == module.__name__
    )


def test_every_service_writes_an_entry_or_says_why_not():
    silent = [name for name, (module, function) in units().items() if not writes_an_entry(module, function)]

    unexplained = [name for name in silent if not any(name == known or name.startswith(f"{known}.") for known in SILENT_SERVICES)]

    assert len(units()) > 25
    assert unexplained == []
    assert all(len(reason) > 8 for reason in SILENT_SERVICES.values())

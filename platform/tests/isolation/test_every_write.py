"""Whatever writes leaves an audit entry: every operation of the API, every form of the pages, every public service."""

import contextvars
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
from shared_apps.tenants import services as tenants
from shared_apps.tenants.models import Tenant
from tenant_apps.connectors.models import Inbox
from tenant_apps.intake.models import InboundEvent
from tenant_apps.tickets import services as tickets
from tenant_apps.tickets.models import Ticket

from tests.isolation import canaries, crawl, routes
from tests.isolation.routes import BASE

# Writes without an entry, and why.
WITHOUT_ENTRY = {
    "POST tenant:/api/v1/socket-tickets": "nothing is stored: a ticket lives thirty seconds in Redis",
    "POST tenant:/inbox/{ticket_id}/read/": "read marks are nobody's deed, and there is one for each look",
    "POST tenant:/hooks/v1/{route_key}": "what arrives is stored as it came; what is made of it has entries",
    "POST base:/hooks/v1/{route_key}": "what arrives is stored as it came; what is made of it has entries",
    "POST tenant:/api/v1/profile/second-step/enrolments": "nothing is stored: the secret travels sealed until its first code",
    "POST tenant:/me/security/second-step/begin/": "nothing is stored: the secret travels sealed until its first code",
    "POST tenant:/sign-out/": "sessions are not objects of the organization",
    "POST base:/sign-out/": "sessions are not objects of the organization",
}
# Writes that the crawl's own ids cannot bring to success, and why.
UNREACHED = {
    "POST tenant:/sign-in/": "the password is wrong",
    "POST base:/sign-in/": "the password is wrong",
    "POST base:/api/platform/v1/tenants": "takes several transactions; its service is looked at below",
    "POST base:/operator/tenants/new/": "takes several transactions; its service is looked at below",
    **dict.fromkeys(
        (
            "POST tenant:/api/v1/profile/email-changes",
            "PUT tenant:/api/v1/profile/password",
            "PUT tenant:/api/v1/profile/second-step",
            "POST tenant:/api/v1/profile/second-step/recovery-codes",
            "POST tenant:/api/v1/profile/second-step/removals",
            "POST tenant:/me/security/password/",
            "POST tenant:/me/security/second-step/",
            "POST tenant:/me/security/second-step/disable/",
            "POST tenant:/me/security/second-step/codes/",
        ),
        "the password or code in the example is wrong; its service is looked at below",
    ),
    **dict.fromkeys(
        (
            "POST tenant:/password-reset/{reset_token}/",
            "POST tenant:/email-change/{email_token}/",
            "POST tenant:/email-undo/{undo_token}/",
        ),
        "leads on to the sign-in, which is not told from a refusal here; its service is looked at below",
    ),
    "POST tenant:/api/v1/sso/connections/{connection_id}/domains/{domain_id}/verification": "no record proves it; its service is looked at",
    "DELETE tenant:/api/v1/members/{member_id}/second-step": "nobody has a second step here; its service is looked at below",
    "DELETE tenant:/api/v1/profile/sessions/{session_id}": "the session is the agent's, the owner asks; its service is looked at below",
    "POST tenant:/me/security/sessions/{session_id}/end/": "the session is the agent's, the owner asks; its service is looked at below",
    "POST tenant:/api/v1/members/{member_id}/roles": "the role is held already; its service is looked at below",
    "PUT tenant:/api/v1/teams/{team_id}/members/{user_id}": "a member already; its service is looked at below",
    "DELETE tenant:/api/v1/tickets/{ticket_id}/shares/{user_id}": "nothing is shared; its service is looked at below",
    "POST tenant:/sign-in/code/": "nobody is between the two steps",
    "DELETE tenant:/api/v1/roles/{key}": "somebody holds the role; its service is looked at below",
    "POST tenant:/settings/roles/{key}/delete/": "somebody holds the role; its service is looked at below",
    "DELETE tenant:/api/v1/teams/{team_id}": "tickets belong to the team; its service is looked at below",
    "PUT base:/api/platform/v1/tenants/{tenant_id}/migration": "the schema is up to date; its service is looked at below",
    "POST base:/operator/migrations/{tenant_id}/retry/": "the schema is up to date; its service is looked at below",
}
# Services that are a unit of work and write no entry themselves, and why.
SILENT_SERVICES = {
    "shared_apps.accounts.services.invitations.accept_invitation": "creates the user and gives the role, which have entries",
    "shared_apps.accounts.services.sessions.carry_session": "the session goes on under another key; the change behind it has an entry",
    "tenant_apps.access.services.assignments.bump_access_version": "a counter; the change behind it has an entry",
    "tenant_apps.access.services.invitations.grant_invited_role": "gives the role, which has an entry",
    "tenant_apps.access.services.members.reset_member_second_step": "resets the second step, which has an entry",
    "tenant_apps.tickets.services.leaving.hand_on_open_tickets": "changes the tickets, which have entries",
    "shared_apps.tenants.services.states.suspend_tenant": "one function writes for both",
    "shared_apps.tenants.services.states.resume_tenant": "one function writes for both",
    "shared_apps.tenants.services.fleet._take_up": "the request has its entry; this is the worker's own mark",
    "shared_apps.tenants.services.provisioning._open": "the end of the creation, which has its entry",
    "tenant_apps.messaging.services.receiving.start_conversation": "the ticket's or message's entry tells",
    "tenant_apps.messaging.services.receiving.receive_message": "a message is its own record, kept with what arrived",
    "tenant_apps.messaging.services.receiving.note_message_ids": "an index over mail ids",
    "tenant_apps.messaging.services.reading.mark_read": "read marks",
    "tenant_apps.messaging.services.reading.mark_unread": "read marks",
    "tenant_apps.messaging.services.sending.claim_delivery": "a worker's lease",
    "tenant_apps.messaging.services.sending.postpone_delivery": "a worker's attempt; the message shows it",
    "tenant_apps.messaging.services.sending.fail_bounced": "a mail system's answer; the message shows it",
    "tenant_apps.messaging.services.deliveries.mark_delivery_sent": "a worker's attempt; the message shows it",
    "tenant_apps.messaging.services.deliveries.mark_delivery_failed": "a worker's attempt; the message shows it",
    "tenant_apps.tickets.services.changing.solve_ticket": "changes the ticket, which has an entry",
    "tenant_apps.tickets.services.changing.reopen_ticket": "changes the ticket, which has an entry",
    "tenant_apps.tickets.services.incoming.route_incoming": "creates or reopens the ticket, which have entries",
    "tenant_apps.intake.services.upkeep._forget_some": "what is removed by age, as the settings page says",
    "tenant_apps.intake.services.processing": "a worker's own marks on what arrived; what it makes has entries",
    "tenant_apps.intake.services.accepting.accept_inbound": "what arrives is stored as it came",
    "tenant_apps.sso.services.attempts._keep": "a browser on its way; what comes of it has an entry",
    "tenant_apps.sso.services.attempts._claim": "a browser that came back; what comes of it has an entry",
    "tenant_apps.access.services.service_accounts.open_service_account": "creates the user and gives the role, which have entries",
}


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


def prepare(operation, canary):
    """What must be so before an operation can succeed."""
    solved = operation.name in {"DELETE tenant:/api/v1/tickets/{ticket_id}/solution", "POST tenant:/inbox/{ticket_id}/reopen/"}
    with tenancy.tenant_scope(canary.tenant):
        if solved:
            tickets.solve_ticket(ticket=Ticket.objects.get(public_id=canary.ids["ticket_id"]))
        if operation.path.startswith("/api/v1/intake/") or "/settings/intake/" in operation.path:
            InboundEvent.objects.filter(public_id=canary.ids["event_id"]).update(state="parked")
    if operation.name in {"DELETE base:/api/platform/v1/tenants/{tenant_id}/suspension", "POST base:/operator/tenants/{tenant_id}/resume/"}:
        with tenancy.public_scope():
            tenants.suspend_tenant(tenant=Tenant.objects.get(public_id=canary.tenant.id))


def ids_for(operation, canary):
    """One's own ids; a hook's secret belongs to the one inbox that has a hook."""
    values = crawl._values(canary)
    if operation.path.endswith("/secrets"):
        with tenancy.tenant_scope(canary.tenant):
            values["inbox_id"] = str(Inbox.objects.get(connector="api").public_id)
    return values


def entries(operation, canary):
    with tenancy.public_scope() if operation.host == BASE else tenancy.tenant_scope(canary.tenant):
        return AuditEntry.objects.count()


def send(client, operation, canary, operator):
    """One call with one's own ids, as the owner of the tenant or as an operator. Returns the status and how many entries it left."""
    values = ids_for(operation, canary)
    ask = next(iter(crawl._asks_in_path(operation, "own", values, values)))
    key, session = operator if operation.host == BASE else (canary.keys["owner"], canary.sessions["owner"])
    host = settings.ATENDE_BASE_HOST if operation.host == BASE else canary.tenant.host
    headers = {"HTTP_HOST": host, "HTTP_ACCEPT": "text/html" if operation.is_page else "application/json", **ask.headers}
    if not operation.is_page:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    client.cookies.clear()
    if operation.is_page and not operation.is_open:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    redis_client.client().flushdb()
    with crawl.undone(depth=1):
        prepare(operation, canary)
        before = entries(operation, canary)
        answer = contextvars.Context().run(
            client.generic, operation.method.upper(), ask.url, ask.body, content_type=ask.content_type, **headers
        )
        return answer, entries(operation, canary) - before


@pytest.mark.timeout(300)
def test_every_writing_operation_leaves_an_entry(planted, operator, client, counted):
    silent, failed, loud = [], [], []
    for operation in writing():
        answer, left = send(client, operation, planted, operator)
        is_done = answer.status_code < 400 and "/sign-in/?" not in answer.get("Location", "")
        if operation.name in UNREACHED:
            continue
        if not is_done:
            failed.append(f"{operation.name}: {answer.status_code} {answer.content[:200]!r}")
        elif operation.name in WITHOUT_ENTRY:
            loud += [operation.name] if left else []
        elif not left:
            silent.append(operation.name)

    counted("audit coverage", operations=len(writing()), without_entry=len(WITHOUT_ENTRY))
    assert failed == []
    assert silent == []
    assert loud == [], "they leave entries now: take them off the list"
    assert set(WITHOUT_ENTRY) | set(UNREACHED) <= {operation.name for operation in writing()}
    assert all(len(reason) > 10 for reason in (WITHOUT_ENTRY | UNREACHED).values())


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
    if "record_audit(" in source:
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

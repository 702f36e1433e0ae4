"""The canary crawl: no byte, no difference and no write crosses from one tenant into another."""

import pytest
from config.urls import public, tenant
from django.urls import path
from kernel import tenancy
from kernel.problems import NotAllowed
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from tenant_apps.contacts.models import Contact
from tenant_apps.messaging import services as messaging
from tenant_apps.tickets import selectors as ticket_selectors
from tenant_apps.tickets.models import Ticket
from tenant_apps.workspace.pages import inbox

from tests.isolation import canaries, crawl, routes

# Operations that nobody gets through to with their own ids in the crawl, and why; everything else must be reached.
UNREACHED = {
    "GET base:/dev/mail/{mail_id}/": "nothing was caught",
    "GET base:/dev/mail/{mail_id}/html/": "nothing was caught",
    "GET base:/dev/mail/messages/{mail_id}.eml": "nothing was caught",
    "POST base:/sign-in/": "the password is wrong",
    "POST tenant:/sign-in/": "the password is wrong",
    "POST tenant:/api/v1/sign-in": "the password is wrong",
    "POST tenant:/api/v1/sign-in/code": "nobody is between the two steps",
    "POST tenant:/api/v1/sign-in/passkey": "no device answers",
    "GET tenant:/sso/{connection_id}/start": "the connection is not switched on",
    "GET tenant:/sso/callback": "nobody is on the way back",
}


@pytest.fixture
def planted(fresh_database, acme, globex, is_full):
    """Marked tenants, committed: two, and six in the full form."""
    found = [acme, globex, *(canaries.open_tenant(f"canary-{number}", beside=acme) for number in range(4 if is_full else 0))]
    return [canaries.plant(tenant) for tenant in found]


@pytest.fixture
def operator_canary(fresh_database):
    """An operator's credentials in the shape of a canary without a tenant."""
    with tenancy.public_scope():
        user = User.objects.get(email="operator@atende.example")
        _, key = accounts.create_api_key(user=user, name="crawl")
        session = canaries.session_of(user)
    return canaries.Canary(None, "", "", "", {}, {"operator": key}, {"operator": session})


@pytest.fixture
def operations():
    """All of them."""
    return [*routes.documented(), *routes.PAGES]


def only(operations, *names):
    """The operations with these names, so that a bite costs a second."""
    found = [operation for operation in operations if operation.name in names]
    assert len(found) == len(names)
    return found


def test_every_route_and_method_is_crawled(operations):
    assert routes.uncovered({"tenant": tenant.urlpatterns, "base": public.urlpatterns}, operations) == []


@pytest.mark.timeout(600)  # about fifteen seconds of work, in one test; a busy machine takes minutes for it
def test_nothing_crosses_between_tenants(planted, operator_canary, operations, is_full, counted, caplog):
    """Nor from one team into another: an agent of one team asks for a colleague's tickets as for those of a stranger."""
    for canary in planted:
        with tenancy.tenant_scope(canary.tenant):
            assert canaries.unmarked(canary.mark) == [], "a text column that no mark reaches"
    before = [crawl.digest(canary.tenant) for canary in planted]
    caplog.set_level("ERROR")

    reports = [
        crawl.crawl(operations, here, planted[number - 1], planted, operator_canary, is_full=is_full)
        for number, here in enumerate(planted)
        if is_full or number == 0
    ]

    counted(
        "canary crawl",
        operations=len(reports[0].operations),
        calls=sum(report.calls for report in reports),
        marks_looked_for=sum(report.scans for report in reports),
        own_marks_seen=sum(report.sightings for report in reports),
        pairs_compared=sum(report.pairs for report in reports),
        findings=sum(len(report.findings) for report in reports),
    )
    for report in reports:
        assert report.findings == []
        assert report.operations == {operation.name for operation in operations}
        assert report.operations - report.reached == set(UNREACHED)
        assert report.sightings > len(report.operations)
    assert [crawl.digest(canary.tenant) for canary in planted] == before


# --- the crawl bites ---------------------------------------------------------------------------------------------------
def test_a_route_that_nobody_describes_is_found(operations):
    stray = [path("stray/<uuid:ticket_id>/", inbox.Home.as_view()), *tenant.urlpatterns]

    assert routes.uncovered({"tenant": stray}, operations) == ["GET tenant:/stray/<uuid:ticket_id>/"]
    assert "POST tenant:/sign-out/" in routes.uncovered({"tenant": tenant.urlpatterns}, routes.PAGES[:3])


def leaking_selector(planted, operations, monkeypatch):
    here, other, *_ = planted
    real = ticket_selectors.ticket_row

    def leaking(viewer, public_id):
        with tenancy.tenant_scope(other.tenant):
            return real(viewer, public_id)

    monkeypatch.setattr(ticket_selectors, "ticket_row", leaking)
    monkeypatch.setattr(ticket_selectors, "ticket_by_id", lambda user, public_id: Ticket(public_id=public_id))

    report = crawl.crawl(only(operations, "GET tenant:/api/v1/tickets/{ticket_id}"), here, other, [here, other], None)

    found = "GET tenant:/api/v1/tickets/{ticket_id} as agent"
    assert f"{found}, foreign id in path: shows content of {other.tenant.slug}" in report.findings
    assert f"{found}: a foreign and a random id in path are told apart" in report.findings


def nosy_selector(planted, operations, monkeypatch):
    here, other, *_ = planted
    real = ticket_selectors.ticket_by_id

    def nosy(user, public_id):
        with tenancy.tenant_scope(other.tenant):
            if Ticket.objects.filter(public_id=public_id).exists():
                raise NotAllowed
        return real(user, public_id)

    monkeypatch.setattr(ticket_selectors, "ticket_by_id", nosy)

    report = crawl.crawl(only(operations, "PUT tenant:/api/v1/tickets/{ticket_id}/solution"), here, other, [here, other], None)

    assert {finding.split(": ")[-1] for finding in report.findings} == {"a foreign and a random id in path are told apart"}


def unlimited_selector(planted, operations, monkeypatch):
    """Finds any ticket of the tenant; what hangs on it is still narrowed."""
    here, other, *_ = planted
    monkeypatch.setattr(ticket_selectors, "tickets_visible_to", lambda viewer, code="": Ticket.objects.all())

    names = ("GET tenant:/api/v1/tickets/{ticket_id}", "GET tenant:/api/v1/tickets")
    report = crawl.crawl(only(operations, *names), here, other, [here, other], None)

    found = "GET tenant:/api/v1/tickets/{ticket_id} as limited"
    assert f"{found}, sibling id in path: shows a ticket of another team" in report.findings
    assert f"{found}: a sibling and a random id in path are told apart" in report.findings
    assert "GET tenant:/api/v1/tickets as limited, own id in path: shows a ticket of another team" in report.findings
    assert all("limited" in finding for finding in report.findings)


def misplaced_write(planted, operations, monkeypatch):
    here, other, *_ = planted

    def misplaced(*, conversation, user):
        with tenancy.tenant_scope(other.tenant):
            Contact.objects.create(name="Lost")

    monkeypatch.setattr(messaging, "mark_read", misplaced)

    report = crawl.crawl(only(operations, "POST tenant:/inbox/{ticket_id}/read/"), here, other, [here, other], None)

    assert f"POST tenant:/inbox/{{ticket_id}}/read/ as agent, own id in path: changed rows of {other.tenant.slug}" in report.findings


def test_planted_bugs_are_found(planted, operations, monkeypatch, subtests):
    """A selector that answers from another tenant, or from another team, an existence check before the filter, a write into another."""
    for bite in (leaking_selector, unlimited_selector, nosy_selector, misplaced_write):
        with subtests.test(bite.__name__), monkeypatch.context() as patch:
            bite(planted, operations, patch)

"""The pages of the audit trail and of API keys: what they show, to whom, in whose zone, and that hostile text stays text."""

import datetime
import pathlib
import re

import pytest
import shared_apps
import time_machine
from kernel.actors import Actor
from kernel.ids import new_id
from shared_apps.accounts.models import ApiKey, User
from shared_apps.audit import services as audit
from shared_apps.audit import words
from shared_apps.audit.models import AuditEntry
from shared_apps.audit.selectors import keep_days as kept_days
from shared_apps.audit.tests.factories import entry

from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.permissions import CATALOGUE
from tenant_apps.access.services import bump_access_version
from tenant_apps.organization.models import Team
from tenant_apps.tickets.services import TicketChanges, update_ticket
from tenant_apps.tickets.tests import factories

PAGE = "/settings/audit/"
AUDIT = {"audit.entry.read", "audit.entry.export", "audit.retention.manage"}


@pytest.fixture
def browser(browser_for, ada):
    return browser_for(ada)


def page(browser, **query):
    answer = browser.get(PAGE, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_trail_is_a_page_for_admins(browser_for, ana, ada):
    assert browser_for(ana).get(PAGE).status_code == 403
    assert browser_for(ada).get(PAGE).status_code == 200


def test_a_change_is_told_in_a_sentence_with_old_and_new(browser, ada, in_acme):
    ticket = factories.ticket()
    browser.post(f"/inbox/{ticket.public_id}/fields/", {"priority": "high"})

    text = page(browser, object_type="ticket", object_id=str(ticket.public_id))

    assert f"<b>{ada.name}</b> changed" in text
    assert f'href="/inbox/{ticket.public_id}/">the ticket #{ticket.number}</a>' in text
    assert "<del>normal</del>" in text
    assert "<ins>high</ins>" in text
    assert "History of one object" in text


def test_what_a_key_did_names_its_user(browser, client_for, ada, in_acme):
    client_for(ada).post_json("/api/v1/api-keys", {"name": "Shop"})

    assert f"<b>{ada.name}</b> by an API key created the API key <b>Shop</b>" in page(browser, search="api_key.create")


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (Actor("rule", new_id(), "Night"), "The rule <b>Night</b>"),
        (Actor("operator", new_id(), "Olga"), "The operator <b>Olga</b>"),
        (Actor("operator", new_id(), "Olga", on_behalf_of=Actor("user", new_id(), "Ana")), "The operator <b>Olga</b> for Ana"),
        (Actor("system", None, "Atende"), "<b>Atende</b>"),
    ],
)
def test_each_kind_of_actor_is_named(browser, in_acme, actor, words):
    entry(object_type="who", actor=actor)

    assert words in page(browser, object_type="who")


def test_times_stand_in_the_readers_zone(browser, ada, in_acme):
    User.objects.filter(pk=ada.pk).update(time_zone="America/Sao_Paulo")
    with time_machine.travel(datetime.datetime(2026, 1, 10, 1, 30, tzinfo=datetime.UTC), tick=False):
        entry(object_type="late")

    assert "9 Jan 2026 22:30" in page(browser, object_type="late")
    assert "No entries" in page(browser, object_type="late", **{"from": "2026-01-10"})
    assert "No entries" not in page(browser, object_type="late", to="2026-01-09")


def test_refusals_are_marked_and_can_be_asked_for(browser, browser_for, ana, in_acme):
    browser_for(ana).get("/settings/keys/")

    text = page(browser, outcome="refused")

    assert f"<b>{ana.name}</b> was refused" in text
    assert text.count('class="chip bad"') == 1


def test_pages_follow_each_other_with_the_filter(browser, in_acme):
    for _ in range(35):
        entry(object_type="paged")

    first = page(browser, object_type="paged")
    following = re.search(r'href="(/settings/audit/\?[^"]*cursor=[^"]*)"', first)[1].replace("&amp;", "&")
    second = browser.get(following).content.decode()

    assert (first.count('<tr><th scope="row"'), second.count('<tr><th scope="row"')) == (30, 5)
    assert "object_type=paged" in following


@pytest.mark.parametrize("query", [{"actor": "x"}, {"from": "yesterday"}, {"to": "9999-12-31"}, {"outcome": "x"}, {"object_id": "1"}])
def test_what_no_form_sends_is_not_found(browser, query):
    assert browser.get(PAGE, query).status_code == 404


def test_a_nul_in_the_address_is_left_out(browser):
    assert browser.get(PAGE + "?object_type=a%00b&search=%00").status_code == 200


def test_hostile_text_stays_text(browser, in_acme):
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ 7|add:7 }}'
    entry(action="thing.change", object_type="evil", actor=Actor("user", new_id(), hostile), **{hostile: [hostile, hostile]})

    text = page(browser, object_type="evil")

    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_exports_are_offered_with_the_filter(browser, in_acme):
    text = page(browser, object_type="ticket")

    assert 'href="/api/v1/audit-entries/export?object_type=ticket&amp;format=csv"' in text
    assert browser.get("/api/v1/audit-entries/export?object_type=ticket&format=csv").status_code == 200


def test_how_long_entries_are_kept_is_told(browser, in_acme):
    before = page(browser)
    audit.set_retention(keep_days=90)

    assert "They are kept for ever." in before
    assert "They are kept for 90 days." in page(browser)


def test_the_page_speaks_portuguese(browser, ada, in_acme):
    User.objects.filter(pk=ada.pk).update(language="pt-br")
    ticket = factories.ticket()
    update_ticket(ticket=ticket, changes=TicketChanges(priority="high"))

    text = page(browser, object_type="ticket")

    assert "Trilha de auditoria" in text
    assert "alterou" in text


def test_a_ticket_leads_to_its_history_for_those_who_may_see_it(browser_for, ana, ada, in_acme):
    ticket = factories.ticket()
    pages = [browser_for(user).get(f"/inbox/{ticket.public_id}/").content.decode() for user in (ana, ada)]

    link = f'href="/settings/audit/?object_type=ticket&amp;object_id={ticket.public_id}"'
    assert [link in text for text in pages] == [False, True]
    assert f"object_type=contact&amp;object_id={ticket.requester.public_id}" in pages[1]


HISTORIES = {
    "/settings/members/": "user",
    "/settings/roles/": "role",
    "/settings/teams/": "team",
    "/settings/keys/": "api_key",
    "/settings/intake/": "inbound_event",
    "/settings/isolation/": "tenant&amp;object_id={tenant}",
    "/settings/members/{user}/": "user&amp;object_id={user}",
    "/settings/roles/{role}/": "role&amp;object_id={role}",
    "/me/": "user&amp;object_id={me}",
}


@pytest.mark.parametrize("path", HISTORIES)
def test_a_settings_page_leads_to_the_history_of_what_it_shows(browser_for, ana, ada, in_acme, path):
    role = CustomRole.objects.create(key="b" * 32, name="Reader", permissions=[])
    ids = {"tenant": in_acme.id, "user": ana.public_id, "me": ada.public_id, "role": role.key}
    everything_but = CustomRole.objects.create(key="c" * 32, name="Blind", permissions=sorted(set(CATALOGUE) - AUDIT))
    RoleAssignment.objects.filter(user=ana).delete()
    RoleAssignment.objects.create(user=ana, role=everything_but.key)
    bump_access_version()

    seen, unseen = (browser_for(user).get(path.format(**ids)).content.decode() for user in (ada, ana))

    link = f'href="/settings/audit/?object_type={HISTORIES[path].format(**ids)}"'
    assert link in seen
    assert "<h1>" in unseen
    assert "/settings/audit/" not in unseen
    address = link.split('"')[1].replace("&amp;", "&")
    assert browser_for(ada).get(address).status_code == 200


def test_a_team_leads_to_its_own_history(browser, in_acme):
    team = Team.objects.create(key="depot", name="Depot")

    assert f"object_type=team&amp;object_id={team.public_id}" in browser.get("/settings/teams/").content.decode()


# --- how long entries are kept -----------------------------------------------------------------------------------------
def test_the_form_says_what_would_go_before_it_saves(browser_for, ada, in_acme):
    first = AuditEntry.objects.order_by("n").first()
    with time_machine.travel(first.at + datetime.timedelta(days=200), tick=False):
        browser = browser_for(ada)
        seen = browser.post(PAGE, {"keep_days": "100"})
        before = kept_days()
        done = browser.post(PAGE, {"keep_days": "100", "confirmed": "1"})
        after = page(browser)

    assert (seen.status_code, before) == (200, None)
    assert re.search(r"\d+ entr(y|ies) would go, for good", seen.content.decode())
    assert (done.status_code, done["Location"], kept_days()) == (302, f"{PAGE}?done=retention", 100)
    assert "They are kept for 100 days." in after


def test_an_empty_field_keeps_entries_for_ever(browser, in_acme):
    audit.set_retention(keep_days=90)

    browser.post(PAGE, {"keep_days": "", "confirmed": "1"})

    assert kept_days() is None


@pytest.mark.parametrize("days", ["10", "36501", "soon", "٩٠٠", "9" * 20])
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "1"}])
def test_days_that_cannot_be_are_refused_beside_the_field(browser, in_acme, days, confirmed):
    answer = browser.post(PAGE, {"keep_days": days, **confirmed})

    assert (answer.status_code, kept_days()) == (422, None)
    assert 'aria-invalid="true"' in answer.content.decode()


def test_the_form_is_for_those_who_may(browser_for, ana, ada, in_acme):
    RoleAssignment.objects.filter(user=ana).delete()
    role = CustomRole.objects.create(key="a" * 32, name="Auditor", permissions=["audit.entry.read"])
    RoleAssignment.objects.create(user=ana, role=role.key)
    bump_access_version()

    assert 'id="retention"' in browser_for(ada).get(PAGE).content.decode()
    assert 'id="retention"' not in browser_for(ana).get(PAGE).content.decode()
    assert browser_for(ana).post(PAGE, {"keep_days": "100", "confirmed": "1"}).status_code == 403
    assert kept_days() is None


# --- keys --------------------------------------------------------------------------------------------------------------
def test_a_narrow_key_is_made_by_the_form(browser, in_acme):
    form = {"name": "Shop", "lifetime": "90", "access": "some", "rate_class": "low", "allowed_networks": "192.0.2.0/24, 198.51.100.7"}

    answer = browser.post("/settings/keys/", {**form, "scopes": ["", "tickets.ticket:read", "contacts.contact:write"]})

    key = ApiKey.objects.get(name="Shop")
    assert answer.status_code == 201
    assert key.scopes == ["contacts.contact:write", "tickets.ticket:read"]
    assert key.allowed_networks == ["192.0.2.0/24", "198.51.100.7/32"]
    assert key.rate_class == "low"
    assert "Tickets: read" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\x00b"),
        ("allowed_networks", "everywhere"),
        ("rate_class", "endless"),
        ("lifetime", "7"),
        ("service_account_id", "x"),
        ("scopes", "tickets:all"),
    ],
)
def test_a_wrong_field_is_refused_and_what_was_typed_stays(browser, in_acme, field, value):
    before = ApiKey.objects.count()

    answer = browser.post(
        "/settings/keys/", {"name": "Shop here", "lifetime": "", "access": "some", "scopes": "tickets.ticket:read", field: value}
    )

    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert field == "name" or b'value="Shop here"' in answer.content
    assert ApiKey.objects.count() == before


def test_a_key_is_replaced_by_the_page_and_shown_once(browser, in_acme):
    browser.post("/settings/keys/", {"name": "Shop", "lifetime": "", "access": "all"})
    key = ApiKey.objects.get(name="Shop")

    answer = browser.post(f"/settings/keys/{key.public_id}/rotate/", {"overlap": "24"})
    clear_text = re.search(r'id="new-key">([^<]+)<', answer.content.decode())[1]

    assert answer.status_code == 201
    assert "has been replaced" in answer.content.decode()
    assert clear_text not in browser.get("/settings/keys/").content.decode()
    assert ApiKey.objects.filter(name="Shop").count() == 2
    assert browser.post(f"/settings/keys/{key.public_id}/rotate/", {"overlap": "24"}).status_code == 409
    assert browser.post(f"/settings/keys/{key.public_id}/rotate/", {"overlap": "5"}).status_code == 422


def test_a_service_account_is_opened_and_ended_by_the_page(browser, in_acme):
    opened = browser.post("/settings/keys/accounts/", {"name": "Sync", "role": "agent"})
    account = User.objects.get(name="Sync")
    browser.post("/settings/keys/", {"name": "Sync key", "lifetime": "", "access": "all", "service_account_id": str(account.public_id)})
    shown = browser.get("/settings/keys/").content.decode()

    ended = browser.post(f"/settings/keys/accounts/{account.public_id}/end/")

    assert (opened.status_code, ended.status_code) == (302, 302)
    assert "Sync key" in shown
    assert RoleAssignment.objects.get(user=account).role == "agent"
    assert not ApiKey.objects.filter(user=account).exists()
    account.refresh_from_db()
    assert not account.is_active
    assert AuditEntry.objects.filter(action="service_account.create").count() == 1


@pytest.mark.parametrize(("name", "role"), [("", "agent"), ("Sync", "owner"), ("Sync", "nothing")])
def test_a_service_account_is_refused_beside_its_field(browser, in_acme, name, role):
    answer = browser.post("/settings/keys/accounts/", {"name": name, "role": role})

    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert not User.objects.filter(is_service=True).exists()


def test_every_action_of_the_code_has_a_sentence():
    """Actions are written as plain words; those that are put together from a state or a kind are named here."""
    root = pathlib.Path(shared_apps.__path__[0]).parent
    sources = [path for app in ("shared_apps", "tenant_apps") for path in (root / app).rglob("*.py") if "tests" not in path.parts]
    written = {found for path in sources for found in re.findall(r'"((?:[a-z]+_)*[a-z]+\.[a-z_]+)"', _near_entries(path.read_text()))}
    composed = {f"tenant.{word}" for word in ("active", "suspended", "import", "clone", "move", "move_back")}

    assert len(written) > 40
    assert (written | composed | {"access.refuse", "audit.imported", "audit.pruned"}) - set(words.SENTENCES) == set()


def _near_entries(source):
    """What follows `record_audit(`, and the calls of helpers that pass an action on."""
    return "\n".join(re.findall(r'(?:record_audit|_tell|_audit)\([^)]*?("[a-z_]+\.[a-z_]+")', source))

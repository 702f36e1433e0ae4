"""The operators' audit page: the platform's own trail, its export, and how it stands against its anchors."""

import json

import pytest
from kernel.db.owner import owner_connection
from kernel.ids import new_id

from shared_apps.audit.models import AuditEntry
from shared_apps.audit.tests.factories import entry
from shared_apps.tenants import anchors
from shared_apps.tenants.anchor_state import BROKEN, SOUND, UNANCHORED, chain_state
from shared_apps.tenants.models import AuditAnchor, Tenant

PAGE, EXPORT = "/operator/audit/", "/operator/audit/export/"


@pytest.fixture
def browser(browser_for, operator):
    return browser_for(operator)


def shown(browser, **query):
    answer = browser.get(PAGE, query)
    assert answer.status_code == 200
    return answer.content.decode()


def lines_of(answer):
    assert answer.status_code == 200
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_what_an_operator_did_is_told_in_a_sentence_that_leads_to_the_tenant(browser, operator, acme, in_public):
    browser.post(f"/operator/tenants/{acme.id}/suspend/")
    name = Tenant.objects.get(public_id=acme.id).name

    text = shown(browser, object_type="tenant", object_id=str(acme.id))

    assert f"The operator <b>{operator.name}</b> suspended" in text
    assert f'href="/operator/tenants/{acme.id}/">the organization {name}</a>' in text
    assert "<ins>suspended</ins>" in text


def test_a_tenants_page_leads_to_its_history(browser, acme):
    page = browser.get(f"/operator/tenants/{acme.id}/").content.decode()

    assert f'href="{PAGE}?object_type=tenant&amp;object_id={acme.id}"' in page


def test_the_filter_narrows(browser, in_public):
    entry(action="fleet.run", object_type="fleet_run", outcome="refused")

    assert "asked for a migration" in shown(browser, outcome="refused")
    assert "asked for a migration" not in shown(browser, outcome="done")


def test_entries_of_tenants_are_not_here(browser, ana, acme, browser_for):
    browser_for(ana).post("/me/theme/", {"theme": "dark"})

    assert ana.name not in shown(browser)


@pytest.mark.parametrize("path", [PAGE, f"{EXPORT}?format=csv"])
def test_nobody_and_no_member_of_a_tenant_sees_it(client, browser_for, ada, path):
    assert client.get(path, HTTP_HOST="localhost")["Location"].startswith("/sign-in/")
    assert browser_for(ada).get(path, HTTP_HOST="localhost").status_code == 302
    assert browser_for(ada).get(path).status_code == 404


def test_an_export_holds_what_is_shown_and_is_an_entry_itself(browser, operator, in_public):
    thing = new_id()
    entry(action="thing.change", object_type="thing", object_id=thing)
    entry(object_type="other")

    found = lines_of(browser.get(EXPORT, {"format": "jsonl", "object_type": "thing"}))

    assert [row["object"]["id"] for row in found] == [str(thing)]
    noted = AuditEntry.objects.get(action="audit.export")
    assert noted.changes == {"format": [None, "jsonl"], "object_type": [None, "thing"]}
    assert (noted.actor["kind"], noted.actor["id"]) == ("operator", str(operator.public_id))


def test_the_links_of_the_page_lead_to_the_same_entries(browser, in_public):
    entry(object_type="thing")
    text = shown(browser, object_type="thing", **{"from": "2020-01-01", "to": "2100-01-01"})
    link = text[text.index(f'href="{EXPORT}') + 6 :].split('"')[0]

    answer = browser.get(link.replace("&amp;", "&").replace("format=csv", "format=jsonl"))

    assert [row["object"]["type"] for row in lines_of(answer)] == ["thing"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("format=xml", 422), ("format=csv&actor=x", 404), ("format=csv&from=yesterday", 404), ("format=csv&to=2026-01-01", 404)],
)
def test_an_export_that_cannot_be_read_is_refused_and_leaves_nothing(browser, in_public, query, status):
    before = AuditEntry.objects.count()

    assert browser.get(f"{EXPORT}?{query}").status_code == status
    assert AuditEntry.objects.count() == before


def test_exports_are_counted(browser, monkeypatch):
    monkeypatch.setattr("shared_apps.audit.services.EXPORTS_PER_USER", "1/hour")

    assert [browser.get(EXPORT, {"format": "csv"}).status_code for _ in range(2)] == [200, 429]


# --- the state of the chain --------------------------------------------------------------------------------------------
@pytest.fixture
def committed(fresh_database, in_public):
    """Some entries of the platform, where anchors can be set and rows be tampered with."""
    entry()
    entry()


def test_a_chain_without_an_anchor_says_so(committed):
    assert chain_state().state == UNANCHORED


def test_an_anchored_chain_agrees_with_its_anchor(committed, browser):
    anchors.set_anchors()
    entry()
    state = chain_state()

    assert (state.state, state.entries - state.anchored, state.anchored_tenants, state.tenants) == (SOUND, 1, 2, 2)
    assert "Agrees with its anchor" in shown(browser)


@pytest.mark.parametrize(
    "act",
    [
        "DELETE FROM audit_auditentry WHERE n = (SELECT max(n) FROM audit_auditentry)",
        "UPDATE audit_auditentry SET hash = '\\x00' WHERE n = (SELECT max(n) FROM audit_auditentry)",
        "UPDATE tenants_auditanchor SET mac = '\\x00' WHERE tenant_public_id IS NULL",
    ],
)
def test_a_chain_that_was_cut_altered_or_anchored_by_others_is_shown(committed, browser, act):
    anchors.set_anchors()
    with owner_connection() as connection:
        connection.execute(act)

    assert chain_state().state == BROKEN
    assert "Does not agree with its anchor" in shown(browser)
    assert AuditAnchor.objects.filter(tenant_public_id=None).exists()

"""The API of the audit trail: who may ask, how it is narrowed, what an export holds, what leaves an entry."""

import csv
import datetime
import io
import json

import pytest
import time_machine
from kernel import tenancy
from kernel.actors import Actor
from kernel.ids import new_id
from kernel.masking import MASK
from tenant_apps.tickets.tests import factories as tickets

from shared_apps.audit.models import AuditEntry
from shared_apps.audit.tests.factories import entry

LIST, EXPORT = "/api/v1/audit-entries", "/api/v1/audit-entries/export?format=jsonl"
FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "a,=1+1", 'a";=1', "  =1"]


def body_of(answer):
    return b"".join(answer.streaming_content).decode()


def lines_of(answer):
    return [json.loads(line) for line in body_of(answer).splitlines()]


@pytest.mark.parametrize("path", [LIST, EXPORT])
def test_the_trail_is_for_admins(client_for, ana, ada, rui, acme, path):
    foreign = client_for(rui)
    foreign.defaults["HTTP_HOST"] = acme.host

    assert client_for(None, acme).get(path).status_code == 401
    assert foreign.get(path).status_code == 401
    assert client_for(ana).get(path).status_code == 403
    assert client_for(ada).get(path).status_code == 200


def test_an_entry_tells_who_did_what_from_where(client_for, ada, in_acme):
    ticket = tickets.ticket()
    client = client_for(ada)
    client.patch_json(f"/api/v1/tickets/{ticket.public_id}", {"priority": "high"}, **{"User-Agent": "Robot 1"})

    found = client.get(LIST, {"object_type": "ticket", "object_id": str(ticket.public_id)}).json()["results"]

    assert [row["action"] for row in found] == ["ticket.update", "ticket.create"]
    changed = found[0]
    assert changed["changes"] == {"priority": ["normal", "high"]}
    assert (changed["actor"]["kind"], changed["actor"]["on_behalf_of"]["id"]) == ("api_key", str(ada.public_id))
    assert (changed["outcome"], changed["object"], changed["ip"]) == (
        "done",
        {"type": "ticket", "id": str(ticket.public_id)},
        "127.0.0.1",
    )
    assert changed["n"] > found[1]["n"]


def test_filters_narrow_alone_and_together(client_for, ada, in_acme):
    person, thing = Actor("user", new_id(), "Filter"), new_id()
    with time_machine.travel(datetime.datetime(2026, 1, 10, 12, tzinfo=datetime.UTC), tick=False):
        entry(action="alpha.one", object_type="alpha", object_id=thing, actor=person)
    with time_machine.travel(datetime.datetime(2026, 1, 11, 12, tzinfo=datetime.UTC), tick=False):
        entry(action="alpha.two", object_type="alpha", outcome="refused", actor=person)
        entry(action="beta.one", object_type="beta")
    client = client_for(ada)

    def asked(**query):
        found = client.get(LIST, query).json()["results"]
        return [row["action"] for row in found if row["action"].startswith(("alpha", "beta"))]

    assert asked(actor=str(person.id)) == ["alpha.two", "alpha.one"]
    assert asked(action="alpha.one") == ["alpha.one"]
    assert asked(object_type="beta") == ["beta.one"]
    assert asked(object_type="alpha", object_id=str(thing)) == ["alpha.one"]
    assert asked(outcome="refused", search="ALPHA") == ["alpha.two"]
    assert asked(search="one") == ["beta.one", "alpha.one"]
    assert asked(**{"from": "2026-01-11T12:00:00Z", "to": "2026-01-11T12:00:01Z"}) == ["beta.one", "alpha.two"]
    assert asked(**{"from": "2026-01-01T00:00:00Z", "to": "2026-01-11T12:00:00Z"}) == ["alpha.one"]
    assert asked(actor=str(new_id())) == []


@pytest.mark.parametrize("query", ["outcome=other", "actor=x", "unknown=1", "from=yesterday", "limit=0", "action=a&action=b", "cursor=x"])
def test_a_query_that_cannot_be_read_is_refused(client_for, ada, query):
    assert client_for(ada).get(f"{LIST}?{query}").status_code == 422


@pytest.mark.parametrize("query", ["from=0001-01-01T00:00:00Z", "to=9999-12-31T23:59:59Z", "to=0001-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_are_moments_like_others(client_for, ada, query):
    assert client_for(ada).get(f"{LIST}?{query}").status_code == 200


def test_pages_follow_each_other_without_gap(client_for, ada, in_acme):
    for _ in range(7):
        entry(object_type="paged")
    client = client_for(ada)

    seen, url = [], f"{LIST}?object_type=paged&limit=3"
    while url:
        page = client.get(url).json()
        seen += [row["n"] for row in page["results"]]
        url = page["next"]

    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)


def test_an_export_is_an_entry_itself_and_holds_what_was_asked_for(client_for, ada, in_acme):
    entry(object_type="exported", note=[None, "x"])
    client = client_for(ada)

    answer = client.get(f"{EXPORT}&object_type=exported")
    found = lines_of(answer)

    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'attachment; filename="audit.jsonl"'
    assert [row["changes"] for row in found] == [{"note": [None, "x"]}]
    noted = AuditEntry.objects.get(action="audit.export")
    assert noted.changes == {"format": [None, "jsonl"], "object_type": [None, "exported"]}


def test_an_export_is_read_in_pages_and_in_order(client_for, ada, in_acme, monkeypatch):
    monkeypatch.setattr("shared_apps.audit.selectors._CHUNK", 3)
    for _ in range(10):
        entry(object_type="many")

    found = lines_of(client_for(ada).get(f"{EXPORT}&object_type=many"))

    assert len(found) == 10
    assert [row["n"] for row in found] == sorted(row["n"] for row in found)


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "*/*"])
def test_d18_a_spreadsheet_shows_hostile_text_and_never_runs_it(client_for, ada, in_acme, accept):
    for formula in FORMULAS:
        entry(object_type="hostile", actor=Actor("user", new_id(), formula), note=[None, f"{formula}\x00"])
    client = client_for(ada)

    text = body_of(client.get("/api/v1/audit-entries/export?format=csv&object_type=hostile", HTTP_ACCEPT=accept))

    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(FORMULAS)
    for row in rows:
        for cell in row.values():
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), cell
            assert not any(f"{mark}{sign}" in cell for mark in ',;"' for sign in "=+-@"), cell
            assert "\x00" not in cell


def test_exports_are_counted(client_for, ada, monkeypatch):
    monkeypatch.setattr("shared_apps.audit.services.EXPORTS_PER_USER", "2/hour")
    client = client_for(ada)

    answers = [client.get(EXPORT) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0


# --- refusals ----------------------------------------------------------------------------------------------------------
def refusals():
    return list(AuditEntry.objects.filter(outcome="refused").order_by("n"))


def test_a_refused_call_leaves_one_entry_and_changes_nothing(client_for, ana, in_acme):
    key = new_id()

    answer = client_for(ana).delete(f"/api/v1/api-keys/{key}")

    assert answer.status_code == 403
    (noted,) = refusals()
    assert (noted.action, noted.object_type, noted.object_id) == ("access.refuse", "route", key)
    assert (noted.actor["kind"], noted.actor["on_behalf_of"]["id"]) == ("api_key", str(ana.public_id))
    assert noted.changes["method"] == [None, "DELETE"]
    assert "access.apikey.manage" in noted.changes["reason"][1]


def test_a_refused_page_leaves_one_entry(browser_for, ana, in_acme):
    assert browser_for(ana).get("/settings/keys/").status_code == 403

    (noted,) = refusals()
    assert (noted.actor["kind"], noted.actor["id"]) == ("user", str(ana.public_id))


def test_nobody_leaves_no_entry(client_for, acme, in_acme):
    before = AuditEntry.objects.count()

    assert client_for(None, acme).get("/api/v1/api-keys").status_code == 401
    assert client_for(None, acme).post_json("/api/v1/api-keys", {}, Authorization="Bearer atk_wrong").status_code == 401
    assert client_for(None, acme).get("/settings/keys/").status_code == 302

    assert AuditEntry.objects.count() == before


def test_refusals_do_not_fill_the_trail(client_for, ana, in_acme, monkeypatch):
    monkeypatch.setattr("kernel.refusals.PER_ACTOR", "3/minute")
    client = client_for(ana)

    answers = {client.get("/api/v1/api-keys").status_code for _ in range(10)}

    assert answers == {403}
    assert len(refusals()) == 3


def test_a_refusal_of_one_tenant_is_written_in_its_own_schema_only(client_for, ana, acme, globex):
    client_for(ana).get("/api/v1/api-keys")

    with tenancy.tenant_scope(globex):
        assert refusals() == []
    with tenancy.tenant_scope(acme):
        assert len(refusals()) == 1


# --- secrets -----------------------------------------------------------------------------------------------------------
def test_secrets_are_masked_whoever_writes_the_entry(in_acme):
    entry(action="thing.secret", password=["old-password", "new-password"], note=[None, "see atk_0123456789abcdef0123"])

    kept = AuditEntry.objects.get(action="thing.secret").changes

    assert kept["password"] == [MASK, MASK]
    assert "0123456789abcdef" not in json.dumps(kept)


def test_d12_there_is_no_browsable_api(client_for, ada, in_acme):
    entry(object_type="<script>alert(1)</script>")

    answer = client_for(ada).get(LIST, HTTP_ACCEPT="text/html,*/*")

    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client_for(ada).get(f"{LIST}?format=api").status_code == 422


# --- how long entries are kept -----------------------------------------------------------------------------------------
RETENTION = "/api/v1/audit/retention"


def test_how_long_entries_are_kept_is_set_by_those_who_may(client_for, ana, ada, acme, in_acme):
    refused = client_for(ana).put_json(RETENTION, {"keep_days": 365})
    before = client_for(ada).get(RETENTION)
    done = client_for(ada).put_json(RETENTION, {"keep_days": 365})

    assert (client_for(None, acme).get(RETENTION).status_code, client_for(ana).get(RETENTION).status_code) == (401, 403)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert before.json() == {"keep_days": None, "old_entries": 0, "oldest_at": None}
    assert done.json()["keep_days"] == 365
    (noted,) = AuditEntry.objects.filter(action="audit.set_retention")
    assert (noted.changes, noted.actor["on_behalf_of"]["id"]) == ({"keep_days": [None, 365]}, str(ada.public_id))


def test_the_right_to_read_the_trail_does_not_shorten_it(client_for, ana, ada, in_acme):
    role = client_for(ada).post_json("/api/v1/roles", {"name": "Auditor", "permissions": ["audit.entry.read"], "visibility": "all"}).json()
    client_for(ada).post_json(f"/api/v1/members/{ana.public_id}/roles", {"role": role["key"]})

    assert client_for(ana).get(RETENTION).status_code == 200
    assert client_for(ana).put_json(RETENTION, {"keep_days": 365}).status_code == 403


@pytest.mark.parametrize("days", [89, 0, -1, 36501, "x", 1e30, True])
def test_too_few_days_are_refused_and_change_nothing(client_for, ada, in_acme, days):
    answer = client_for(ada).put_json(RETENTION, {"keep_days": days})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/keep_days")
    assert not AuditEntry.objects.filter(action="audit.set_retention").exists()


def test_what_would_go_is_told_before_it_does(client_for, ada, in_acme):
    client = client_for(ada)
    first = AuditEntry.objects.order_by("n").first()

    with time_machine.travel(first.at + datetime.timedelta(days=200), tick=False):
        short, long = (client.get(f"{RETENTION}?keep_days={days}").json() for days in (100, 300))
        count = AuditEntry.objects.filter(at__lt=first.at + datetime.timedelta(days=100)).count()

    assert short == {"keep_days": None, "old_entries": count, "oldest_at": first.at.isoformat().replace("+00:00", "Z")}
    assert count > 0
    assert long["old_entries"] == 0

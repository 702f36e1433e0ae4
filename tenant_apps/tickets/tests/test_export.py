"""Tickets as a file: who may take out which, what stands in it, what it leaves, and that it ends with the right to it."""

import csv
import io
import json

import pytest
from kernel import tenancy
from kernel.problems import NotAllowed
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.audit.models import AuditEntry

from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.tickets import exporting
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.tests import factories

EXPORT = "/api/v1/tickets/export"
FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "a,=1+1", 'a";=1', "  =1"]


def give(user, role, scope_kind="", scope_id=0):
    RoleAssignment.objects.filter(user=user).delete()
    RoleAssignment.objects.create(user=user, role=role, scope_kind=scope_kind, scope_id=scope_id)
    bump_access_version()


def rows_of(answer):
    assert answer.status_code == 200, answer.content
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def numbers(answer):
    return [row["number"] for row in rows_of(answer)]


def entries(action="ticket.export"):
    return list(AuditEntry.objects.filter(action=action).order_by("n"))


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("supervisor", 200), ("agent", 403), ("light_agent", 403), ("viewer", 403)]
)
def test_who_may_take_tickets_out(client_for, ana, acme, in_acme, role, status):
    give(ana, role)

    answer = client_for(ana).get(f"{EXPORT}?format=csv")

    assert answer.status_code == status
    assert len(entries()) == (status == 200)
    if status == 403:
        assert (answer["Content-Type"], answer.json()["type"]) == ("application/problem+json", "/problems/not-allowed")


def test_nobody_and_strangers_take_nothing_out(client_for, rui, acme, in_acme):
    foreign = client_for(rui)
    foreign.defaults["HTTP_HOST"] = acme.host

    assert [client.get(f"{EXPORT}?format=csv").status_code for client in (client_for(None, acme), foreign)] == [401, 401]
    assert entries() == []


def test_json_lines_are_the_tickets_as_the_list_shows_them(client_for, ada, in_acme):
    for number in range(3):
        factories.ticket(email=f"p{number}@mail.example")
    client = client_for(ada)

    found = rows_of(client.get(f"{EXPORT}?format=jsonl"))

    listed = client.get("/api/v1/tickets?sort=created_at&limit=100").json()["results"]
    assert found == sorted(listed, key=lambda row: row["number"])
    assert len(found) >= 3


def test_the_filters_are_those_of_the_list(client_for, ada, ana, in_acme):
    factories.placed_ticket(assignee=ana, email="one@mail.example")
    factories.ticket(email="two@mail.example", subject="Saddle")
    client = client_for(ada)

    for query in (f"assignee={ana.public_id}", "assignee=none", "search=Saddle", "status=new", "status=solved", "tag=x", "team=none"):
        listed = client.get(f"/api/v1/tickets?{query}&limit=100").json()["results"]
        assert numbers(client.get(f"{EXPORT}?format=jsonl&{query}")) == sorted(row["number"] for row in listed), query


@pytest.mark.parametrize(
    "query", ["", "format=xml", "format=csv&unknown=1", "format=csv&cursor=x", "format=csv&format=csv", "format=csv&status=nonsense"]
)
def test_a_query_that_cannot_be_read_is_refused_and_leaves_nothing(client_for, ada, in_acme, query):
    assert client_for(ada).get(f"{EXPORT}?{query}").status_code == 422
    assert entries() == []


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "*/*"])
def test_d18_a_spreadsheet_shows_hostile_text_and_never_runs_it(client_for, ada, in_acme, accept):
    for number, formula in enumerate(FORMULAS):
        ticket = factories.ticket(email=f"h{number}@mail.example")
        Ticket.objects.filter(pk=ticket.pk).update(subject=f"{formula}")
    client = client_for(ada)

    text = b"".join(client.get(f"{EXPORT}?format=csv", HTTP_ACCEPT=accept).streaming_content).decode()

    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) >= len(FORMULAS)
    for cell in (cell for row in rows for cell in row.values()):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), cell
        assert not any(f"{mark}{sign}" in cell for mark in ',;"' for sign in "=+-@"), cell


def test_the_file_is_a_download_that_no_cache_keeps(client_for, ada, in_acme):
    answer = client_for(ada).get(f"{EXPORT}?format=csv")

    assert answer["Content-Disposition"] == 'attachment; filename="tickets.csv"'
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("text/csv; charset=utf-8", "nosniff")
    assert answer["Cache-Control"] == "private, no-store"


def test_the_entry_says_which_tickets_and_not_what_was_searched_for(client_for, ada, ana, in_acme):
    client_for(ada).get(f"{EXPORT}?format=csv&status=open,new&assignee={ana.public_id}&search=bia@mail.example")

    (noted,) = entries()
    assert noted.changes == {
        "format": [None, "csv"],
        "status": [None, ["open", "new"]],
        "assignee": [None, str(ana.public_id)],
        "search": [None, True],
    }
    assert noted.actor["on_behalf_of"]["id"] == str(ada.public_id)


def test_exports_are_counted(client_for, ada, in_acme, monkeypatch):
    monkeypatch.setattr("tenant_apps.tickets.views.EXPORTS_PER_USER", "1/hour")
    client = client_for(ada)

    answers = [client.get(f"{EXPORT}?format=csv") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert len(entries()) == 1


# --- reach -------------------------------------------------------------------------------------------------------------
def test_an_export_reaches_no_further_than_the_list(client_for, ana, bea, in_acme):
    mine, other = Team.objects.create(key="mine", name="Mine"), Team.objects.create(key="other", name="Other")
    TeamMembership.objects.create(team=mine, user=ana)
    ours = factories.placed_ticket(team=mine, email="one@mail.example")
    factories.placed_ticket(team=other, email="two@mail.example")
    role = CustomRole.objects.create(
        key="d" * 32, name="Own team", permissions=["tickets.ticket.export", "tickets.ticket.read"], visibility="team"
    )
    give(ana, role.key)

    assert numbers(client_for(ana).get(f"{EXPORT}?format=jsonl")) == [ours.number]


def test_the_right_to_export_in_one_team_does_not_take_out_what_is_seen_elsewhere(client_for, ana, in_acme):
    team = Team.objects.create(key="mine", name="Mine")
    ours = factories.placed_ticket(team=team, email="one@mail.example")
    factories.ticket(email="two@mail.example")
    give(ana, "supervisor", "team", team.pk)
    RoleAssignment.objects.create(user=ana, role="viewer")
    bump_access_version()
    client = client_for(ana)

    assert len(client.get("/api/v1/tickets").json()["results"]) > 1
    assert numbers(client.get(f"{EXPORT}?format=jsonl")) == [ours.number]


# --- the right ends while the export runs ------------------------------------------------------------------------------
@pytest.fixture
def many(in_acme, monkeypatch):
    """Six tickets, read two at a time."""
    monkeypatch.setattr(exporting, "BATCH", 2)
    for number in range(6):
        factories.ticket(email=f"m{number}@mail.example")


def demote(user):
    give(user, "agent")


def deactivate(user):
    accounts.deactivate_user(user=user)


def revoke_the_key(user):
    accounts.revoke_api_key(key=ApiKey.objects.get(user=user))


def narrow_the_role(user):
    RoleAssignment.objects.filter(user=user).delete()
    bump_access_version()


@pytest.mark.parametrize("act", [demote, deactivate, revoke_the_key, narrow_the_role])
def test_b25_a_running_export_ends_with_the_right_to_it(client_for, ada, acme, many, act):
    answer = client_for(ada).get(f"{EXPORT}?format=jsonl")
    stream = iter(answer.streaming_content)
    seen = [next(stream), next(stream)]
    act(User.objects.get(pk=ada.pk))

    with pytest.raises(NotAllowed):
        next(stream)

    assert len(seen) == 2
    with tenancy.tenant_scope(acme):
        (noted,) = [row for row in entries("access.refuse") if row.changes["path"][1] == EXPORT]
    assert noted.outcome == "refused"


def test_b25_a_running_export_ends_with_the_session(browser_for, ada, acme, many):
    browser = browser_for(ada)
    stream = iter(browser.get(f"{EXPORT}?format=jsonl").streaming_content)
    next(stream), next(stream)
    browser.post("/sign-out/")

    with pytest.raises(NotAllowed):
        next(stream)


def test_b25_what_leaves_the_reach_while_an_export_runs_is_not_in_it(client_for, ana, in_acme, many):
    give(ana, "supervisor")
    team = Team.objects.create(key="mine", name="Mine")
    kept = factories.placed_ticket(team=team, email="kept@mail.example")
    stream = iter(client_for(ana).get(f"{EXPORT}?format=jsonl").streaming_content)
    first = [json.loads(next(stream))["number"] for _ in range(2)]
    give(ana, "supervisor", "team", team.pk)

    rest = [json.loads(line)["number"] for line in stream]

    assert len(first) == 2
    assert rest == [kept.number]


def test_an_export_in_batches_is_whole_and_ends_with_what_was_there_at_its_beginning(client_for, ada, in_acme, many):
    expected = list(Ticket.objects.order_by("pk").values_list("number", flat=True))
    stream = iter(client_for(ada).get(f"{EXPORT}?format=jsonl").streaming_content)
    first = json.loads(next(stream))["number"]
    factories.ticket(email="late@mail.example")

    assert [first, *(json.loads(line)["number"] for line in stream)] == expected


# --- the page ----------------------------------------------------------------------------------------------------------
def test_the_list_offers_its_export_to_those_who_may(browser_for, ana, ada, in_acme):
    factories.ticket()
    browser = browser_for(ada)
    pages = {view: browser.get(f"/inbox/v/{view}/").content.decode() for view in ("my", "unassigned", "open", "done")}

    assert f'href="{EXPORT}?assignee={ada.public_id}&amp;status=new%2Copen&amp;format=csv"' in pages["my"]
    assert f'href="{EXPORT}?assignee=none&amp;status=new%2Copen&amp;format=csv"' in pages["unassigned"]
    assert f'href="{EXPORT}?status=solved%2Cclosed&amp;format=csv"' in pages["done"]
    link = pages["open"].split(f'href="{EXPORT}')[1].split('"')[0].replace("&amp;", "&")
    assert browser.get(f"{EXPORT}{link}").status_code == 200
    assert EXPORT not in browser_for(ana).get("/inbox/v/open/").content.decode()

"""The ticket API."""

import uuid

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from kernel import tenancy
from shared_apps.events.log import last_seq

from tenant_apps.access.models import RoleAssignment
from tenant_apps.tickets import services
from tenant_apps.tickets.models import Status, Ticket
from tenant_apps.tickets.services import TicketChanges
from tenant_apps.tickets.tests import factories

pytestmark = pytest.mark.django_db
TICKETS = "/api/v1/tickets"


@pytest.fixture
def ticket(acme):
    with tenancy.tenant_scope(acme):
        return factories.ticket()


def stored(acme, ticket: Ticket) -> Ticket:
    with tenancy.tenant_scope(acme):
        return Ticket.objects.get(pk=ticket.pk)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", TICKETS),
        ("POST", TICKETS),
        ("GET", "{one}"),
        ("PATCH", "{one}"),
        ("PUT", "{one}/solution"),
        ("DELETE", "{one}/solution"),
        ("GET", "/api/v1/statuses"),
    ],
)
def test_who_may_do_what(method, path, client_for, acme, ana, rui, ada, ticket):
    path = path.format(one=f"{TICKETS}/{ticket.public_id}")
    with tenancy.tenant_scope(acme):
        RoleAssignment.objects.filter(user=ada).delete()

    assert client_for(None, acme).send(method, path, {}).status_code == 401
    assert client_for(rui, None).send(method, path, {}).status_code in ({404} if str(ticket.public_id) in path else {200, 422})
    assert client_for(ada).send(method, path, {}).status_code == 403
    assert client_for(ana).send(method, path, {}).status_code not in {401, 403, 404}


def test_a_key_of_another_tenant_is_nobody(client_for, rui, globex, acme, ticket):
    client = client_for(rui)
    client.defaults["HTTP_HOST"] = acme.host

    assert client.get(f"{TICKETS}/{ticket.public_id}").status_code == 401


def test_a_foreign_and_a_random_id_answer_the_same(client_for, rui, ticket):
    client = client_for(rui)

    foreign, random = client.get(f"{TICKETS}/{ticket.public_id}"), client.get(f"{TICKETS}/{uuid.uuid4()}")

    def without_request_id(answer):
        return {**answer.json(), "instance": ""}

    assert (foreign.status_code, random.status_code) == (404, 404)
    assert without_request_id(foreign) == without_request_id(random)


def test_the_shape_of_a_ticket(api_client, ticket):
    body = api_client.get(f"{TICKETS}/{ticket.public_id}").json()

    assert body["id"] == str(ticket.public_id)
    assert body["status"] == {"key": "new", "category": "new", "label": "New"}
    assert body["requester"]["email"] == "bia@mail.example"
    assert (body["assignee"], body["team"], body["tags"], body["priority"]) == (None, None, [], "normal")
    assert len(body["conversations"]) == 1
    assert body["is_unread"] is True


def test_the_list_pages_by_cursor(api_client, acme):
    with tenancy.tenant_scope(acme):
        numbers = [factories.ticket().number for _ in range(5)]

    first = api_client.get(f"{TICKETS}?limit=2").json()
    second = api_client.get(first["next"]).json()
    back = api_client.get(second["previous"]).json()

    assert [row["number"] for row in first["results"] + second["results"]] == numbers[::-1][:4]
    assert [row["number"] for row in back["results"]] == numbers[::-1][:2]


def test_the_list_needs_the_same_queries_for_one_and_for_twenty(api_client, acme):
    def count() -> int:
        with CaptureQueriesContext(connections[acme.cluster]) as queries:
            assert api_client.get(f"{TICKETS}?limit=50").status_code == 200
        assert len(queries) > 0
        return len(queries)

    with tenancy.tenant_scope(acme):
        factories.ticket()
    one = count()
    with tenancy.tenant_scope(acme):
        for _ in range(19):
            factories.ticket()

    assert count() <= one


def test_the_filters(api_client, acme, ana, ticket):
    with tenancy.tenant_scope(acme):
        mine = services.update_ticket(
            ticket=factories.ticket(subject="Saddle height"), changes=TicketChanges(assignee=ana, priority="high", add_tags=("fit",))
        )
        services.update_ticket(ticket=mine, changes=TicketChanges(status=Status.objects.get(key="waiting-customer")))

    def numbers(query: str) -> list[int]:
        return [row["number"] for row in api_client.get(f"{TICKETS}?{query}").json()["results"]]

    assert numbers(f"assignee={ana.public_id}") == [mine.number]
    assert numbers("assignee=none") == [ticket.number]
    assert numbers("tag=fit") == [mine.number]
    assert numbers("status=waiting_customer") == numbers("status=waiting-customer") == [mine.number]
    assert numbers("search=saddle") == numbers(f"search=%23{mine.number}") == [mine.number]
    assert numbers("search=bia%40mail") == [mine.number, ticket.number]
    assert numbers("created_after=2099-01-01T00:00:00Z") == []
    assert numbers(f"requester={mine.requester.public_id}") == [mine.number, ticket.number]


@pytest.mark.parametrize(
    "query",
    [
        "assignee=x",
        "limit=0",
        "limit=101",
        "limit=1e9",
        "cursor=x",
        "sort=secret",
        "password=1",
        "created_after=never",
        "requester=1",
        "status=zzz",
        "status=open,zzz",
    ],
)
def test_a_bad_query_is_refused(api_client, query):
    answer = api_client.get(f"{TICKETS}?{query}")

    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")


def test_creating_a_ticket_with_a_message(api_client, ana):
    answer = api_client.post_json(
        TICKETS,
        {"subject": "Frame size", "requester_email": "Tom@Mail.example", "message": "I am 1.93 m.", "assignee_id": str(ana.public_id)},
    )

    body = answer.json()
    assert answer.status_code == 201, body
    assert (body["requester"]["email"], body["snippet"], body["assignee"]["id"]) == ("tom@mail.example", "I am 1.93 m.", str(ana.public_id))
    assert answer["ETag"] == f'"{body["version"]}"'


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/subject", "required"),
        ({"subject": " ", "requester_email": "a@b.example"}, "/subject", "blank"),
        ({"subject": "x"}, "/requester_id", "required"),
        ({"subject": "x", "requester_email": "nobody"}, "/requester_email", "invalid"),
        ({"subject": "x", "requester_email": "a@b.example", "team_id": "01a20000-0000-7000-8000-000000000000"}, "/team_id", "unknown"),
        ({"subject": "x", "requester_email": "a@b.example", "secret": 1}, "/secret", "unknown"),
        ({"subject": "x", "requester_email": "a@b.example", "tags": ["<b>"]}, "/tags", "invalid"),
    ],
)
def test_a_bad_ticket_changes_nothing(api_client, acme, body, pointer, code):
    with tenancy.tenant_scope(acme):
        before = (Ticket.objects.count(), last_seq())

    answer = api_client.post_json(TICKETS, body)

    assert answer.status_code == 422
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    with tenancy.tenant_scope(acme):
        assert (Ticket.objects.count(), last_seq()) == before


def test_one_idempotency_key_makes_one_ticket(api_client, acme):
    body = {"subject": "Once", "requester_email": "a@b.example"}

    first = api_client.post_json(TICKETS, body, Idempotency_Key="k-1")
    again = api_client.post_json(TICKETS, body, Idempotency_Key="k-1")
    other = api_client.post_json(TICKETS, {**body, "subject": "Twice"}, Idempotency_Key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["ETag"]) == (first.json(), first["ETag"])
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    with tenancy.tenant_scope(acme):
        assert Ticket.objects.filter(subject="Once").count() == 1


def test_a_refused_request_leaves_its_key_free(api_client):
    assert api_client.post_json(TICKETS, {"subject": "x"}, Idempotency_Key="k-2").status_code == 422

    assert api_client.post_json(TICKETS, {"subject": "x", "requester_email": "a@b.example"}, Idempotency_Key="k-2").status_code == 201


def test_updating_needs_the_present_version(api_client, acme, ticket):
    path = f"{TICKETS}/{ticket.public_id}"
    etag = api_client.get(path)["ETag"]

    changed = api_client.patch_json(path, {"priority": "urgent"}, If_Match=etag)
    stale = api_client.patch_json(path, {"priority": "low"}, If_Match=etag)

    assert (changed.status_code, changed.json()["priority"]) == (200, "urgent")
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-version")
    assert stored(acme, ticket).priority == "urgent"


@pytest.mark.parametrize("header", ["7", '"x"', '"1", "2"'])
def test_a_strange_if_match_is_unreadable(api_client, ticket, header):
    assert api_client.patch_json(f"{TICKETS}/{ticket.public_id}", {"priority": "low"}, If_Match=header).status_code == 400


def test_solving_twice_answers_409(api_client, ticket):
    path = f"{TICKETS}/{ticket.public_id}/solution"

    first, second = api_client.put_json(path), api_client.put_json(path)
    reopened = api_client.delete(path)

    assert (first.status_code, first.json()["status"]["category"]) == (200, "solved")
    assert (second.status_code, second.json()["type"]) == (409, "/problems/ticket-already-solved")
    assert (reopened.status_code, reopened.json()["status"]["key"]) == (200, "open")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[", b'{"subject": "\\u0000"}'])
def test_a_body_that_is_not_json_is_unreadable(api_client, body):
    answer = api_client.generic("POST", TICKETS, body, content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_method_nobody_offers_answers_405(api_client, ticket):
    answer = api_client.delete(f"{TICKETS}/{ticket.public_id}")

    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")
    assert "GET" in answer["Allow"]


def test_a_body_over_one_megabyte_is_refused(api_client):
    answer = api_client.post_json(TICKETS, {"subject": "x" * 1_100_000, "requester_email": "a@b.example"})

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def test_another_content_type_is_refused(api_client):
    assert api_client.generic("POST", TICKETS, b"subject=x", content_type="application/x-www-form-urlencoded").status_code == 415

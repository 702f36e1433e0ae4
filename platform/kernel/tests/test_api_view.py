"""What every route of the API does before its own code: methods, proof, and text that is text."""

import pytest
from tenant_apps.tickets.tests import factories

TICKETS = "/api/v1/tickets"


def test_head_answers_like_get_without_a_body(api_client):
    answer = api_client.head(TICKETS)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "DELETE"])
def test_a_method_that_is_not_there_is_405_and_not_offered(api_client, method):
    answer = api_client.send(method, TICKETS)

    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")
    assert set(answer["Allow"].split(", ")) == {"GET", "POST", "HEAD"}


def test_a_method_that_is_not_there_tells_nobody_more(client_for, acme):
    assert client_for(None, acme).send("GET", TICKETS).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/api/v1/profile", {"name": 0}, "/name"),
        ("/api/v1/profile", {"time_zone": True}, "/time_zone"),
        ("/api/v1/tickets/{ticket}", {"add_tags": ["fine", 0]}, "/add_tags"),
        ("/api/v1/tickets/{ticket}", {"priority": 1}, "/priority"),
    ],
)
def test_numbers_are_not_taken_for_text(api_client, ana, in_acme, path, body, pointer):
    ticket = factories.ticket()

    answer = api_client.patch_json(path.format(ticket=ticket.public_id), body)

    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, "invalid")]
    ana.refresh_from_db()
    ticket.refresh_from_db()
    assert (ana.name, ticket.tags.count(), ticket.version) == ("Ana Souza", 0, factories.ticket().version)

"""The API of inbound events: who may see them, pages, raw bytes, running again."""

import pytest
from kernel import tenancy

from tenant_apps.connectors.tests.mails import load
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import FIRST_MAIL, receive_mail

LIST = "/api/v1/intake/events"


@pytest.fixture
def parked(acme, db):
    with tenancy.tenant_scope(acme):
        return receive_mail(load("missing_from"))


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("agent", 403), ("stranger", 404), ("admin", 200)])
@pytest.mark.parametrize("path", [LIST, LIST + "/{id}", LIST + "/{id}/raw", LIST + "/{id}/runs"])
def test_who_may_do_what(who, status, path, parked, client_for, ana, ada, rui, acme, globex):
    method = "POST" if path.endswith("runs") else "GET"
    with tenancy.tenant_scope(globex):
        from tenant_apps.access.models import RoleAssignment  # noqa: PLC0415 (one test only)

        RoleAssignment.objects.update_or_create(user=rui, defaults={"role": "admin"})
    client = {"nobody": lambda: client_for(None), "agent": lambda: client_for(ana), "admin": lambda: client_for(ada)}
    client = client.get(who, lambda: client_for(rui))()

    answer = client.send(method, path.format(id=parked.public_id))

    if who == "stranger" and path == LIST:
        assert (answer.status_code, answer.json()["results"]) == (200, [])
        return
    assert answer.status_code == {200: 202 if method == "POST" else 200}.get(status, status)
    with tenancy.tenant_scope(acme):
        parked.refresh_from_db()
    assert parked.state == ("received" if who == "admin" and method == "POST" else "parked")


def test_list_and_detail(client_for, ada, parked, acme):
    with tenancy.tenant_scope(acme):
        done = receive_mail(FIRST_MAIL)
        conversation = done.message.conversation
    client = client_for(ada)

    page = client.get(LIST, {"limit": 1}).json()
    rest = client.get(page["next"]).json()

    assert [row["id"] for row in (*page["results"], *rest["results"])] == [str(done.public_id), str(parked.public_id)]
    assert rest["results"][0]["error"] == {"code": "no_sender", "detail": "The mail names no usable sender"}
    assert page["results"][0] == client.get(f"{LIST}/{done.public_id}").json()
    assert page["results"][0]["conversation_id"] == str(conversation.public_id)
    assert [row["id"] for row in client.get(LIST, {"state": "parked"}).json()["results"]] == [str(parked.public_id)]
    assert client.get(LIST, {"state": "nonsense"}).status_code == 422


@pytest.mark.parametrize("accept", ["application/octet-stream", "application/json", "*/*"])
def test_raw_bytes_are_a_download(accept, client_for, ada, parked):
    answer = client_for(ada).get(f"{LIST}/{parked.public_id}/raw", HTTP_ACCEPT=accept)

    assert answer.content == load("missing_from")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="{parked.public_id}.eml"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_running_twice_answers_409(client_for, ada, parked):
    client = client_for(ada)
    assert client.post_json(f"{LIST}/{parked.public_id}/runs").status_code == 202

    answer = client.post_json(f"{LIST}/{parked.public_id}/runs")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/inbound-not-parked")


def test_forgotten_body_answers_410(client_for, ada, parked, acme):
    with tenancy.tenant_scope(acme):
        InboundEvent.objects.filter(pk=parked.pk).update(raw=b"")
    client = client_for(ada)

    gone = client.get(f"{LIST}/{parked.public_id}/raw", HTTP_ACCEPT="application/octet-stream")
    assert (gone.status_code, gone["Content-Type"]) == (410, "application/problem+json")
    assert client.post_json(f"{LIST}/{parked.public_id}/runs").status_code == 410

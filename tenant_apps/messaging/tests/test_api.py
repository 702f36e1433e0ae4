"""The conversation API."""

import base64
import datetime
import uuid

import pytest
from kernel import tenancy
from kernel.clock import now
from shared_apps.events.log import last_seq
from shared_apps.events.models import Event

from tenant_apps.messaging import services
from tenant_apps.messaging.models import Conversation, Delivery, Message, MessageIdEntry
from tenant_apps.tickets import services as tickets
from tenant_apps.tickets.models import Status, Ticket
from tenant_apps.tickets.services import TicketChanges
from tenant_apps.tickets.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def thread(acme) -> Conversation:
    with tenancy.tenant_scope(acme):
        thread = factories.conversation()
        factories.incoming(thread, external_id="first@mail.example")
        return thread


@pytest.fixture
def path(thread) -> str:
    return f"/api/v1/conversations/{thread.public_id}/messages"


def reply(text: str = "We will look at it.", **fields):
    return {"visibility": "public", "body_text": text, **fields}


def test_a_reply_is_queued_and_threaded(api_client, acme, ana, path):
    answer = api_client.post_json(path, reply())

    body = answer.json()
    assert answer.status_code == 201, body
    assert (body["direction"], body["visibility"], body["delivery"]) == ("out", "public", {"state": "queued", "error": ""})
    assert body["author"] == {"kind": "user", "id": str(ana.public_id), "name": ana.name}
    with tenancy.tenant_scope(acme):
        message = Message.objects.get(public_id=body["id"])
        assert (message.in_reply_to, message.references) == ("first@mail.example", ["first@mail.example"])
        assert message.external_id
        assert MessageIdEntry.objects.get(message_id=message.external_id).conversation_id == message.conversation_id
        assert Delivery.objects.get(message=message).recipient == "bia@mail.example"
        ticket = Ticket.objects.get(conversation_links__conversation_id=message.conversation_id)
        assert (ticket.category, ticket.assignee.email, ticket.waiting_since) == ("open", ana.email, None)
        assert Event.objects.filter(type="message.queued", aggregate_id=message.public_id).count() == 1


def test_a_note_has_nothing_that_could_be_sent(api_client, acme, path):
    body = api_client.post_json(path, {"visibility": "internal", "body_text": "Bent rotor."}).json()

    with tenancy.tenant_scope(acme):
        note = Message.objects.get(public_id=body["id"])
        assert (note.visibility, note.external_id, note.delivery_state) == ("internal", "", "none")
        assert not Delivery.objects.filter(message=note).exists()
        assert Ticket.objects.get(conversation_links__conversation_id=note.conversation_id).category == "new"
        assert not Event.objects.filter(type="message.queued", aggregate_id=note.public_id).exists()


def test_the_same_client_token_writes_once(api_client, acme, path, thread):
    first = api_client.post_json(path, reply(client_token="c-1"))
    second = api_client.post_json(path, reply(client_token="c-1"))

    assert first.json()["id"] == second.json()["id"]
    with tenancy.tenant_scope(acme):
        assert Message.objects.filter(conversation=thread, direction="out").count() == 1


def test_the_list_is_in_order_and_pages(api_client, path):
    for number in range(4):
        api_client.post_json(path, {"visibility": "internal", "body_text": f"note {number}"})

    first = api_client.get(f"{path}?limit=3").json()
    second = api_client.get(first["next"]).json()

    assert [row["body_text"] for row in first["results"] + second["results"]][1:] == [f"note {number}" for number in range(4)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"visibility": "public"}, 422),
        ({"visibility": "public", "body_text": "   "}, 422),
        ({"visibility": "secret", "body_text": "x"}, 422),
        ({"body_text": "x"}, 422),
        ({"visibility": "public", "body_text": "x" * 100_001}, 422),
        ({"visibility": "public", "body_text": "x", "attachments": [{"filename": "a", "content_base64": "%%"}]}, 422),
        ({"visibility": "public", "body_text": "x", "author": "someone"}, 422),
    ],
)
def test_a_bad_message_changes_nothing(api_client, acme, path, body, status):
    with tenancy.tenant_scope(acme):
        before = (Message.objects.count(), Delivery.objects.count(), last_seq())

    assert api_client.post_json(path, body).status_code == status
    with tenancy.tenant_scope(acme):
        assert (Message.objects.count(), Delivery.objects.count(), last_seq()) == before


def test_a_reply_to_a_closed_ticket_is_refused(api_client, acme, path, thread):
    with tenancy.tenant_scope(acme):
        ticket = Ticket.objects.get(conversation_links__conversation=thread)
        tickets.update_ticket(ticket=ticket, changes=TicketChanges(status=Status.objects.get(key="closed")))
        before = Message.objects.count()

    answer = api_client.post_json(path, reply())

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/ticket-closed")
    with tenancy.tenant_scope(acme):
        assert Message.objects.count() == before


def test_the_html_of_a_reply_is_sanitised(api_client, path):
    body = api_client.post_json(
        path, {"visibility": "public", "body_html": "<p onclick=x>Hi <script>alert(1)</script><b>you</b></p>"}
    ).json()

    assert "script" not in body["body_html"]
    assert "onclick" not in body["body_html"]
    assert "<b>you</b>" in body["body_html"]
    assert "Hi" in body["body_text"]


def test_an_attachment_goes_round_by_a_signed_link(api_client, client_for, acme, globex, path):
    content = base64.b64encode(b"not a png").decode()
    file = {"filename": '../../wheel".png\r\nX: y.png', "content_type": "image/png", "content_base64": content}

    shown = api_client.post_json(path, reply(attachments=[file])).json()["attachments"][0]
    fetched = client_for(None, acme).get(shown["url"])

    assert (fetched.status_code, fetched.content) == (200, b"not a png")
    assert not set(shown["filename"]) & set('/\\"\r\n')
    assert fetched["Content-Disposition"].startswith("attachment")
    assert fetched["Content-Type"] == "application/octet-stream"
    assert fetched["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert client_for(None, globex).get(shown["url"]).status_code == 404
    assert client_for(None, acme).get(shown["url"].replace(shown["id"], str(uuid.uuid4()))).status_code == 404


def test_a_link_expires(api_client, client_for, acme, path, time_machine):
    file = {"filename": "a.txt", "content_type": "text/plain", "content_base64": "eA=="}
    url = api_client.post_json(path, reply(attachments=[file])).json()["attachments"][0]["url"]
    time_machine.move_to(now() + datetime.timedelta(minutes=12))

    assert client_for(None, acme).get(url).status_code == 404


def test_only_a_failed_message_can_be_sent_again(api_client, acme, path):

    message_id = api_client.post_json(path, reply()).json()["id"]
    retry = f"/api/v1/messages/{message_id}/deliveries"

    refused = api_client.post_json(retry)
    with tenancy.tenant_scope(acme):
        message = Message.objects.get(public_id=message_id)
        services.mark_delivery_failed(delivery=message.delivery, fence=message.delivery.fence, error="550 no such user")
    failed = api_client.get(path).json()["results"][-1]
    again = api_client.post_json(retry)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/delivery-not-failed")
    assert failed["delivery"] == {"state": "failed", "error": "550 no such user"}
    assert (again.status_code, again.json()["delivery"]["state"]) == (200, "queued")
    with tenancy.tenant_scope(acme):
        assert Message.objects.get(public_id=message_id).external_id == message.external_id


def test_a_late_worker_changes_nothing(api_client, acme, path):

    message_id = api_client.post_json(path, reply()).json()["id"]
    with tenancy.tenant_scope(acme):
        delivery = Delivery.objects.get(message__public_id=message_id)
        assert not services.mark_delivery_sent(delivery=delivery, fence=delivery.fence + 1)
        assert Message.objects.get(public_id=message_id).delivery_state == "queued"


@pytest.mark.parametrize("route", ["", "/messages"])
def test_another_tenants_conversation_is_not_there(client_for, rui, ana, acme, thread, route):
    path = f"/api/v1/conversations/{thread.public_id}{route}"

    assert client_for(rui).get(path).status_code == 404
    assert client_for(None, acme).get(path).status_code == 401
    assert client_for(ana).get(path).status_code == 200


def test_a_second_message_under_a_known_mail_id_is_kept_without_it(acme, thread):
    with tenancy.tenant_scope(acme):
        second, _ = factories.incoming(thread, text="Other words.", external_id="first@mail.example")

        assert (second.body_text, second.external_id) == ("Other words.", "")

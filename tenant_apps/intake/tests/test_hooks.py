"""The generic hook: signatures before anything else, one answer for every refusal, stored before 202."""

import datetime

import pytest
from celery import current_app
from django.test import Client
from kernel import tenancy
from kernel.clock import now
from shared_apps.tenants import selectors as tenants
from shared_apps.tenants.models import ChannelRoute, Tenant

from tenant_apps.intake import services
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import OTHER_SECRET, SECRET, api_inbox, signed
from tenant_apps.messaging import services as messaging
from tenant_apps.tickets.models import Ticket

BODY = {"contact": {"external_id": "u-81", "name": "Mia"}, "conversation_id": "c-17", "subject": "Parcel", "text": "Where is it?"}
URL = "/hooks/v1/key-of-the-shop"


@pytest.fixture
def shop(acme, db):
    return api_inbox(acme)


def post(raw, headers, *, host="acme.localhost", url=URL):
    return Client(HTTP_HOST=host).generic("POST", url, raw, content_type="application/json", **headers)


def events(tenant):
    with tenancy.tenant_scope(tenant):
        return list(InboundEvent.objects.filter(connector="api").select_related("message__conversation", "duplicate_of").order_by("id"))


def processed(tenant):
    with tenancy.tenant_scope(tenant):
        for event in InboundEvent.objects.filter(state="received").order_by("id"):
            services.process_inbound(inbound_id=event.pk)
    return events(tenant)


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_signed_message_is_stored_and_becomes_a_ticket(host, shop, acme):
    raw, headers = signed(BODY)

    answer = post(raw, headers, host=host)

    assert answer.status_code == 202
    [event] = processed(acme)
    assert answer.json() == {"id": str(event.public_id)}
    assert (bytes(event.raw), event.state, event.dedup_key) == (raw, "done", headers["HTTP_WEBHOOK_ID"])
    with tenancy.tenant_scope(acme):
        ticket = Ticket.objects.get(requester__identities__value__endswith=":u-81")
        assert (ticket.subject, ticket.requester.name) == ("Parcel", "Mia")
        assert event.message.body_text == "Where is it?"


def refused(answer, acme, globex):
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert events(acme) == events(globex) == []
    return {key: value for key, value in answer.json().items() if key != "instance"}


def test_every_refusal_looks_the_same_and_stores_only_a_counter(shop, acme, globex):
    raw, headers = signed(BODY)
    old, old_headers = signed(BODY, at=now() - datetime.timedelta(minutes=6))
    coming, coming_headers = signed(BODY, at=now() + datetime.timedelta(minutes=6))
    strange, strange_headers = signed(BODY, secret=OTHER_SECRET)
    answers = [
        post(raw.replace(b"Where", b"There"), headers),
        post(raw, {**headers, "HTTP_WEBHOOK_ID": "msg_other"}),
        post(raw, {**headers, "HTTP_WEBHOOK_SIGNATURE": headers["HTTP_WEBHOOK_SIGNATURE"].lower()}),
        post(raw, {**headers, "HTTP_WEBHOOK_SIGNATURE": "nonsense"}),
        post(raw, {**headers, "HTTP_WEBHOOK_SIGNATURE": "v1,%%%"}),
        post(raw, {**headers, "HTTP_WEBHOOK_TIMESTAMP": "nan"}),
        post(b"\xff\xfe", headers),
        post(raw, {}),
        post(old, old_headers),
        post(coming, coming_headers),
        post(strange, strange_headers),
        post(raw, headers, host="globex.localhost"),
        post(raw, headers, url="/hooks/v1/unknown-route"),
    ]

    bodies = [refused(answer, acme, globex) for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    with tenancy.public_scope():
        assert ChannelRoute.objects.get(external_id="key-of-the-shop").rejected_count == 11


def test_same_delivery_twice_is_one_event(shop, acme):
    raw, headers = signed(BODY)

    first, second = post(raw, headers), post(raw, headers)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(processed(acme)) == 1


def test_same_message_under_a_new_delivery_id_is_marked_as_a_copy(shop, acme):
    for _ in range(2):
        raw, headers = signed({**BODY, "message_id": "m-1"})
        assert post(raw, headers).status_code == 202

    first, second = processed(acme)
    assert (first.state, second.state, second.duplicate_of) == ("done", "ignored", first)


def test_old_and_new_secret_live_side_by_side(acme, db):
    api_inbox(acme, secret=f"{OTHER_SECRET} {SECRET}")

    for secret in (SECRET, OTHER_SECRET):
        raw, headers = signed(BODY, secret=secret)
        assert post(raw, headers).status_code == 202


def test_one_of_several_signatures_is_enough(shop, acme):
    raw, headers = signed(BODY)
    headers["HTTP_WEBHOOK_SIGNATURE"] = f"v1,AAAA v1a,BBBB {headers['HTTP_WEBHOOK_SIGNATURE']}"

    assert post(raw, headers).status_code == 202


def test_too_large_body_is_refused_before_it_is_checked(shop, acme, globex):
    raw, headers = signed({**BODY, "text": "x" * 1024 * 1024})

    answer = post(raw, headers)

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    assert events(acme) == []


def test_other_methods_are_refused_as_problems(shop):
    answer = Client(HTTP_HOST="acme.localhost").get(URL)

    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")


def test_suspended_tenants_messages_wait(shop, acme):
    with tenancy.public_scope():
        Tenant.objects.filter(public_id=acme.id).update(state="suspended")
    tenancy.forget_directory()
    tenants.forget_routes()
    raw, headers = signed(BODY)

    answer = post(raw, headers)

    assert answer.status_code == 202
    [event] = events(acme)
    assert event.state == "received"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"surprise": 1}, "unknown_field"),
        ({"contact": {"external_id": "u", "phone": "1"}}, "unknown_field"),
        ({"contact": {"name": "nobody"}}, "invalid_payload"),
        ({"contact": None}, "invalid_payload"),
        ({"contact": {"external_id": "u", "email": "not an address"}}, "invalid_payload"),
        ({"text": 7}, "invalid_payload"),
        ({"text": " "}, "empty_message"),
        ({"attachments": [{"filename": "x", "content_base64": "%%"}]}, "invalid_payload"),
        ({"attachments": [{"path": "x"}]}, "unknown_field"),
        ({"attachments": {}}, "invalid_payload"),
    ],
)
def test_signed_body_that_does_not_fit_is_parked_with_its_reason(change, code, shop, acme):
    raw, headers = signed({**BODY, **change})
    assert post(raw, headers).status_code == 202

    [event] = processed(acme)

    assert (event.state, event.error_code) == ("parked", code)
    with tenancy.tenant_scope(acme):
        assert not Ticket.objects.filter(requester__identities__value__endswith=":u-81").exists()


@pytest.mark.parametrize("raw", [b"not json", b"[]", b'"x"', b"{}"])
def test_signed_nonsense_is_parked(raw, shop, acme):
    raw, headers = signed(raw)
    assert post(raw, headers).status_code == 202

    [event] = processed(acme)
    assert event.state == "parked"


def test_thread_id_joins_and_another_contact_is_a_third_party(shop, acme):
    bodies = [BODY, {**BODY, "text": "Hello?"}, {**BODY, "contact": {"external_id": "u-99"}}, {**BODY, "conversation_id": "c-18"}]
    for body in bodies:
        raw, headers = signed(body)
        post(raw, headers)

    found = [event.message for event in processed(acme)]
    with tenancy.tenant_scope(acme):
        assert [message.conversation.external_thread_id for message in found] == ["c-17", "c-17", "c-17", "c-18"]
        assert [message.is_third_party for message in found] == [False, False, True, False]


def test_html_and_files(shop, acme):
    body = {
        "contact": {"external_id": "u-1", "email": "Mia@Customer.example"},
        "html": '<p>Hi</p><script>x</script><img src="https://t.example/1">',
        "attachments": [{"filename": "../a.txt", "content_type": "text/plain", "content_base64": "aGk="}],
    }
    raw, headers = signed(body)
    post(raw, headers)

    [event] = processed(acme)
    with tenancy.tenant_scope(acme):
        message = event.message
        assert (message.body_html, message.body_text, message.blocked_images) == ("<p>Hi</p><img>", "Hi", 1)
        assert [(file.filename, file.size) for file in message.attachments.all()] == [("a.txt", 2)]
        assert message.author_contact.email == "mia@customer.example"


def test_answer_on_an_api_inbox_is_sent_by_being_there(shop, acme, ana, monkeypatch):
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)
    raw, headers = signed(BODY)
    post(raw, headers)
    [event] = processed(acme)
    with tenancy.tenant_scope(acme):
        sent = messaging.send_reply(conversation=event.message.conversation, author=ana, body_text="On its way")
        current_app.tasks["tenant_apps.messaging.tasks.deliver_message"](tenant_id=str(acme.id), message_id=sent.pk)
        sent.refresh_from_db()
        assert sent.delivery_state == "sent"

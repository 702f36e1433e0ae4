"""Replies on their way out: a real SMTP server on the other side, retries, bounces' fences, trying again."""

import datetime

import pytest
import time_machine
from celery import current_app
from kernel.clock import now

from tenant_apps.connectors.mail.address import split_plus
from tenant_apps.connectors.mail.parse import parse_mail
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.tests.smtp import Relay, running
from tenant_apps.contacts import services as contacts
from tenant_apps.messaging import handlers, services, tasks
from tenant_apps.messaging.incoming import FileContent, IncomingMessage
from tenant_apps.messaging.models import Delivery, MessageIdEntry
from tenant_apps.messaging.services import sending
from tenant_apps.messaging.services.sending import RETRY_SECONDS


@pytest.fixture
def relay(settings, monkeypatch):
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)
    outside = Relay()
    with running(outside) as port:
        settings.ATENDE_SMTP_OUT_URL = f"smtp://127.0.0.1:{port}"
        yield outside


@pytest.fixture
def conversation(in_acme):
    inbox = Inbox.objects.get(connector="email")
    contact = contacts.contact_for_email(email="mia@customer.example", name="Mia")
    found = services.start_conversation(inbox=inbox, contact=contact, subject="Broken spoke")
    incoming = IncomingMessage(
        body_text="Broken.", occurred_at=now(), external_id="first@customer.example", references=["zero@customer.example"]
    )
    services.receive_message(conversation=found, contact=contact, incoming=incoming)
    return found


def reply(conversation, author, text="Can you come on Tuesday?", **more):
    return services.send_reply(conversation=conversation, author=author, body_text=text, **more)


def deliver(message, tenant):
    current_app.tasks[tasks.deliver_message.name](tenant_id=str(tenant.id), message_id=message.pk)
    message.refresh_from_db()
    return message


def test_reply_reaches_the_outside_threaded_and_signed(conversation, ana, relay, in_acme):
    message = reply(conversation, ana, attachments=[FileContent(filename="plan.txt", content_type="text/plain", content=b"ten o'clock")])

    deliver(message, in_acme)

    assert (message.delivery_state, message.delivery_error) == ("sent", "")
    [(mail_from, recipients, raw)] = relay.mails
    mail = parse_mail(raw)
    assert recipients == ["mia@customer.example"]
    assert (mail.sender.name, mail.sender.email) == (ana.name, "support@acme.localhost")
    assert mail.subject == "Re: Broken spoke"
    assert (mail.message_id, mail.in_reply_to) == (message.external_id, ("first@customer.example",))
    assert mail.references[-1] == "first@customer.example"
    assert mail_from == mail.reply_to[0].email
    assert split_plus(mail_from)[0] == "support@acme.localhost"
    assert mail.text.strip() == "Can you come on Tuesday?"
    assert [(file.filename, file.content) for file in mail.attachments] == [("plan.txt", b"ten o'clock")]
    assert MessageIdEntry.objects.filter(message_id=message.external_id, conversation=conversation).exists()


def test_delivering_twice_sends_once(conversation, ana, relay, in_acme):
    message = reply(conversation, ana)

    for _ in range(2):
        deliver(message, in_acme)

    assert len(relay.mails) == 1


def test_passing_trouble_is_retried_with_the_same_message_id(conversation, ana, relay, in_acme):
    relay.data_answer = "451 4.7.1 Greylisted"
    message = deliver(reply(conversation, ana), in_acme)
    assert (message.delivery_state, message.delivery_error) == ("queued", "The mail server refused: 451 4.7.1 Greylisted")
    wait = message.delivery.next_attempt_at - now()
    assert 23 < wait.total_seconds() < 37
    deliver(message, in_acme)
    assert message.delivery.attempts == 1

    relay.data_answer = ""
    with time_machine.travel(now() + datetime.timedelta(seconds=40)):
        deliver(message, in_acme)

    assert (message.delivery_state, message.delivery_error) == ("sent", "")
    assert parse_mail(relay.mails[0][2]).message_id == message.external_id


def test_permanent_refusal_fails_at_once_and_can_be_tried_again(conversation, ana, relay, in_acme):
    relay.rcpt_answer = "550 5.1.1 User unknown"
    message = deliver(reply(conversation, ana), in_acme)
    assert (message.delivery_state, message.delivery_error) == ("failed", "The mail server refused: 550 5.1.1 User unknown")
    assert message.delivery.attempts == 1

    relay.rcpt_answer = ""
    services.retry_delivery(message=message)
    deliver(message, in_acme)

    assert message.delivery_state == "sent"
    assert parse_mail(relay.mails[0][2]).message_id == message.external_id


def test_trouble_that_does_not_pass_fails_after_the_last_attempt(conversation, ana, relay, in_acme):
    relay.data_answer = "421 4.3.2 Shutting down"
    message, moment = reply(conversation, ana), now()
    for _ in range(len(RETRY_SECONDS) + 1):
        with time_machine.travel(moment):
            deliver(message, in_acme)
        moment = Delivery.objects.get(message=message).next_attempt_at + datetime.timedelta(seconds=1)

    delivery = Delivery.objects.get(message=message)
    assert (delivery.state, delivery.attempts, message.delivery_state) == ("failed", 6, "failed")
    assert Inbox.objects.get(connector="email").last_error.startswith("The mail server refused: 421")


def test_unreachable_server_is_passing_trouble(conversation, ana, settings, monkeypatch, in_acme):
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)
    settings.ATENDE_SMTP_OUT_URL = "smtp://127.0.0.1:1"

    message = deliver(reply(conversation, ana), in_acme)

    assert (message.delivery_state, message.delivery_error) == ("queued", "The mail server cannot be reached")


def test_worker_that_died_is_replaced_and_its_late_result_ignored(conversation, ana, relay, in_acme):
    message = reply(conversation, ana)
    late = sending.claim_delivery(message_id=message.pk)
    assert sending.claim_delivery(message_id=message.pk) is None

    with time_machine.travel(now() + datetime.timedelta(seconds=121)):
        deliver(message, in_acme)

    assert message.delivery_state == "sent"
    assert not sending.postpone_delivery(delivery=late.delivery, fence=late.fence, error="late")
    assert not services.mark_delivery_failed(delivery=late.delivery, fence=late.fence, error="late")
    message.refresh_from_db()
    assert message.delivery_state == "sent"


def test_bounce_fails_a_sent_message_once(conversation, ana, relay, in_acme):
    message = deliver(reply(conversation, ana), in_acme)

    assert sending.fail_bounced(message=message, reason="5.1.1 unknown")
    assert not sending.fail_bounced(message=message, reason="again")

    message.refresh_from_db()
    assert (message.delivery_state, message.delivery_error) == ("failed", "Returned by the recipient's mail system: 5.1.1 unknown")


def test_note_is_never_sent(conversation, ana, relay, in_acme):
    note = services.add_note(conversation=conversation, author=ana, body_text="secret")

    deliver(note, in_acme)

    assert relay.mails == []
    assert note.delivery_state == "none"


def test_hostile_html_of_an_agent_leaves_sanitised(conversation, ana, relay, in_acme):
    message = reply(conversation, ana, "", body_html='<p onclick="x()">Hi</p><script>alert(1)</script>')

    deliver(message, in_acme)

    assert b"script" not in relay.mails[0][2]
    assert b"onclick" not in relay.mails[0][2]


def test_events_that_queue_start_a_delivery():
    from kernel.consumers import all_consumers  # noqa: PLC0415 (one test only)

    wanted = all_consumers()["deliveries"].handlers
    assert {name for name, found in wanted.items() if handlers.start_delivery in found} == {"message.queued", "message.requeued"}

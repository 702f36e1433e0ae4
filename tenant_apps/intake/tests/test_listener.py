"""The SMTP edge over a real socket: which recipients, which sizes, and 250 only after the commit."""

import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from kernel import tenancy
from kernel.db.owner import owner_connection
from kernel.tenancy import public_scope
from shared_apps.tenants import selectors as tenants
from shared_apps.tenants.models import ChannelRoute, Tenant

from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.tests.smtp import running
from tenant_apps.intake import services
from tenant_apps.intake.listener import MailHandler
from tenant_apps.intake.models import InboundEvent
from tenant_apps.tickets.models import Ticket

MAIL = (
    b"From: Mia <mia@customer.example>\r\nTo: support@acme.localhost\r\nSubject: Hello\r\nMessage-ID: <m-1@x>\r\n\r\n.A line with a dot\r\n"
)
SUPPORT, RIVAL = "support@acme.localhost", "support@globex.localhost"


@pytest.fixture
def port(fresh_database):
    handler = MailHandler()
    with running(handler, max_bytes=300_000) as number:
        yield number
    handler.close()


@pytest.fixture
def host(fresh_database):
    with tenancy.public_scope():
        return tenancy.resolve_host("acme.localhost")


def stored(slug):
    with tenancy.public_scope():
        tenant = tenancy.resolve_host(f"{slug}.localhost")
    with tenancy.tenant_scope(tenant):
        return list(InboundEvent.objects.order_by("id"))


def send(port, raw, recipients, *, sender="mia@customer.example"):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        return client.sendmail(sender, recipients, raw)


def test_accepted_mail_is_committed_and_becomes_a_ticket(port, host):
    assert send(port, MAIL, [SUPPORT]) == {}

    [event] = stored("acme")
    assert (bytes(event.raw), event.state) == (MAIL, "received")
    assert {key: event.envelope[key] for key in ("mail_from", "rcpt_to")} == {"mail_from": "mia@customer.example", "rcpt_to": SUPPORT}
    assert stored("globex") == []
    with tenancy.tenant_scope(host):
        services.process_inbound(inbound_id=event.pk)
        assert Ticket.objects.get(subject="Hello").requester.email == "mia@customer.example"


def test_unknown_recipients_are_refused_by_name_and_the_others_are_kept(port):
    refused = send(port, MAIL, ["nobody@acme.localhost", "support@nowhere.example", SUPPORT])

    assert {address: answer[0] for address, answer in refused.items()} == {"nobody@acme.localhost": 550, "support@nowhere.example": 550}
    assert refused["nobody@acme.localhost"][1] == b"5.1.1 No mailbox here by that name"
    assert len(stored("acme")) == 1


def test_plus_part_leads_to_the_same_inbox(port):
    send(port, MAIL, ["Support+anything.at-all@ACME.localhost"])

    [event] = stored("acme")
    assert event.envelope["rcpt_to"] == "support+anything.at-all@acme.localhost"


def test_one_mail_to_two_tenants_is_two_events(port):
    send(port, MAIL, [SUPPORT, RIVAL])

    assert [len(stored("acme")), len(stored("globex"))] == [1, 1]


def test_same_mail_twice_is_one_event(port):
    send(port, MAIL, [SUPPORT])
    send(port, MAIL, [SUPPORT])

    assert len(stored("acme")) == 1


def test_null_sender_is_kept_as_such(port):
    send(port, MAIL, [SUPPORT], sender="")

    [event] = stored("acme")
    assert event.envelope["mail_from"] == ""


def test_too_large_mail_is_refused_and_the_size_is_announced(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "300000"
        with pytest.raises(smtplib.SMTPSenderRefused) as announced:
            client.sendmail("mia@customer.example", [SUPPORT], b"Subject: x\r\n\r\n" + b"x" * 70 * 5_000)
        client.rset()
        client.mail("mia@customer.example")
        client.rcpt(SUPPORT)
        code, _text = client.data(b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 5_000)

    assert (announced.value.smtp_code, code) == (552, 552)
    assert stored("acme") == []


def test_long_line_is_taken_and_an_endless_one_is_not(port):
    send(port, MAIL + b"x" * 20_000 + b"\r\n", [SUPPORT])
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(port, MAIL + b"x" * 100_000 + b"\r\n", [SUPPORT])

    assert (refusal.value.smtp_code, len(stored("acme"))) == (500, 1)


def test_too_many_recipients_are_asked_for_another_mail(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.mail("mia@customer.example")
        answers = [client.rcpt(f"support+{number}@acme.localhost")[0] for number in range(101)]

    assert answers == [250] * 100 + [452]


def test_recipient_that_cannot_be_stored_defers_the_whole_mail_and_the_retry_doubles_nothing(port, host):
    with tenancy.tenant_scope(host):
        inbox = Inbox.objects.create(connector="email", name="Sales", address="sales@acme.localhost")
    with public_scope():
        owner = Tenant.objects.get(public_id=host.id)
        route = ChannelRoute.objects.create(connector="email", external_id="sales@acme.localhost", tenant=owner, inbox_id=owner.public_id)

    with pytest.raises(smtplib.SMTPDataError) as deferral:
        send(port, MAIL, [SUPPORT, "sales@acme.localhost"])
    with public_scope():
        ChannelRoute.objects.filter(pk=route.pk).update(inbox_id=inbox.public_id)
    tenants.forget_routes()
    send(port, MAIL, [SUPPORT, "sales@acme.localhost"])

    assert deferral.value.smtp_code == 451
    assert sorted(event.envelope["rcpt_to"] for event in stored("acme")) == ["sales@acme.localhost", SUPPORT]


def test_database_trouble_is_451_and_nothing_is_lost(port, host):
    owner_statement(host.cluster, f'ALTER TABLE "{host.schema}".intake_inboundevent RENAME TO away')

    with pytest.raises(smtplib.SMTPDataError) as deferral:
        send(port, MAIL, [SUPPORT])
    owner_statement(host.cluster, f'ALTER TABLE "{host.schema}".away RENAME TO intake_inboundevent')

    assert deferral.value.smtp_code == 451
    assert stored("acme") == []
    assert send(port, MAIL, [SUPPORT]) == {}


def owner_statement(cluster, statement):
    with owner_connection(cluster) as owner:
        owner.execute(statement)


def test_suspended_tenants_mail_is_taken_and_waits(port, host):
    with public_scope():
        Tenant.objects.filter(public_id=host.id).update(state="suspended")
    tenancy.forget_directory()
    tenants.forget_routes()

    assert send(port, MAIL, [SUPPORT]) == {}
    with tenancy.tenant_scope(host):
        assert [event.state for event in InboundEvent.objects.all()] == ["received"]


def test_many_senders_at_once_lose_and_double_nothing(port):
    def one(number):
        return send(port, MAIL.replace(b"m-1", f"m-{number % 40}".encode()), [SUPPORT, RIVAL])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(60))) == [{}] * 60

    assert [len(stored("acme")), len(stored("globex"))] == [40, 40]


def test_banner_names_no_version_and_nobody_is_confirmed(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        banner = client.recv(200)
        client.sendall(b"EHLO x\r\nVRFY support@acme.localhost\r\nMAIL FROM:<a@b.example> SIZE=1\r\nRCPT TO:<x\r\nNONSENSE\r\nQUIT\r\n")
        answers = b""
        while chunk := client.recv(4_096):
            answers += chunk

    assert banner == b"220 mx.test ESMTP\r\n"
    assert b"252" in answers
    assert b"aiosmtpd" not in answers.lower()
    assert b"Python" not in answers


def test_smuggled_second_mail_stays_part_of_the_first(port):
    raw = b"Subject: one\r\nFrom: a@b.example\r\n\r\nx\n.\n"
    raw += b"MAIL FROM:<evil@b.example>\nRCPT TO:<support@globex.localhost>\nDATA\nSubject: two\r\n"
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.mail("a@b.example")
        client.rcpt(SUPPORT)
        client.putcmd("data")
        client.getreply()
        client.send(raw + b"\r\n.\r\n")
        assert client.getreply()[0] == 250

    assert [len(stored("acme")), len(stored("globex"))] == [1, 0]


def test_too_many_connections_of_one_peer_hear_421(port):
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(51)]
    try:
        assert [client.recv(100)[:3] for client in clients] == [b"220"] * 50 + [b"421"]
    finally:
        for client in clients:
            client.close()


def test_log_holds_no_addresses(port, caplog):
    caplog.set_level("DEBUG")

    send(port, MAIL, [SUPPORT])

    assert "mia@customer" not in caplog.text
    assert "support@acme" not in caplog.text

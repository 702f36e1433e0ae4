"""Classifying, quoting, signing and composing mail."""

import datetime
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenant_apps.connectors.mail import compose, quoting, tokens
from tenant_apps.connectors.mail.address import Address
from tenant_apps.connectors.mail.classify import classify
from tenant_apps.connectors.mail.compose import OutgoingFile, OutgoingMail
from tenant_apps.connectors.mail.parse import parse_mail
from tenant_apps.connectors.tests.mails import load

KEY, OLD_KEY, OTHER_KEY = b"k" * 32, b"o" * 32, b"x" * 32
CONVERSATION = uuid.UUID("01930000-0000-7000-8000-000000000001")
MESSAGE = uuid.UUID("01930000-0000-7000-8000-000000000002")
INBOX = "support@acme.localhost"


# --- classes ---
@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("alternative_inline_image", "human", ""),
        ("calendar_invite", "human", ""),
        ("smime_signed", "human", ""),
        ("forwarded_mail", "human", ""),
        ("vacation_reply", "auto_reply", "auto_submitted"),
        ("calendar_answer", "auto_reply", "calendar_answer"),
        ("read_receipt", "auto_reply", "read_receipt"),
        ("mailing_list", "bulk", "precedence"),
        ("dsn_hard_bounce", "bounce_hard", "delivery_status"),
        ("dsn_soft_bounce", "bounce_soft", "delivery_status"),
        ("bounce_as_text", "bounce_hard", "mailer_daemon"),
    ],
)
def test_class_of_a_mail(name, kind, reason):
    found = classify(parse_mail(load(name)), envelope_sender="mia@customer.example")

    assert (found.kind, found.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Auto-Submitted: no", "human"),
        ("Auto-Submitted: auto-generated", "auto_reply"),
        ("Precedence: auto_reply", "auto_reply"),
        ("X-Precedence: junk", "bulk"),
        ("X-Autorespond: yes", "auto_reply"),
        ("X-Auto-Response-Suppress: DR, OOF", "human"),
        ("X-Auto-Response-Suppress: OOF, All", "auto_reply"),
        ("X-Loop: x@y.example", "auto_reply"),
        ("List-Id: <x.example>", "bulk"),
        ("Return-Path: <>", "auto_reply"),
    ],
)
def test_machine_signals(field, kind):
    raw = f"From: a@b.example\r\n{field}\r\n\r\nx".encode()

    assert classify(parse_mail(raw)).kind == kind


def test_null_envelope_sender_is_a_machine():
    assert classify(parse_mail(b"From: a@b.example\r\n\r\nx"), envelope_sender="").kind == "auto_reply"


def test_bounce_names_the_returned_message():
    found = classify(parse_mail(load("dsn_hard_bounce", SENT_ID="our-id@acme.localhost")))

    assert found.report.original_message_id == "our-id@acme.localhost"
    assert [(item.recipient, item.status) for item in found.report.recipients] == [("mia@customer.example", "5.1.1")]
    assert found.is_final_failure
    assert not classify(parse_mail(load("dsn_soft_bounce"))).is_final_failure


# --- quotes ---
@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("Hi\n\nOn Tue, Jan 2, 2024 at 10:00 AM Ana <a@b.example> wrote:\n> x\n", "Hi\n\n"),
        ("Hi\n\nOn Tue, Jan 2, 2024 at 10:00 AM Ana <a@b.example>\nwrote:\n\n> x\n", "Hi\n\n"),
        ("Olá\nEm ter., 2 de jan. de 2024 às 10:00, Ana <a@b.example>\nescreveu:\n\n> x\n", "Olá\n"),
        ("a\n\n-----Original Message-----\nFrom: x\nSent: y\n", "a\n\n"),
        ("a\n\n-----Mensagem original-----\nDe: x\nEnviada em: y\n", "a\n\n"),
        ("a\n________________________________\nDe: Ana\nEnviado: 2 jan\nPara: b\nAssunto: c\n\nold", "a\n"),
        ("a\nFrom: Ana\nSent: today\nTo: b\nSubject: c\n\nold", "a\n"),
        ("Hallo\nAm 02.01.2024 um 10:00 schrieb Ana:\n> x", "Hallo\n"),
        ("Bonjour\nLe 2 janv. 2024 à 10:00, Ana a écrit :\n> x", "Bonjour\n"),
        ("done\n> one\n> two\n\n-- \nMia", "done\n"),
        ("On Tue, 2 Jan 2024 Ana wrote:\n> question one\nanswer\n> question two\nanswer", None),
        ("> only a quote\n", None),
        ("see below\n---------- Forwarded message ---------\nFrom: a\nDate: b\nTo: c\n", None),
        ("He said on 3.1. and wrote\nnothing", None),
        ("From: me\nTo the moon and back", None),
        ("________________________________\nMia Keller", None),
    ],
)
def test_where_the_quote_begins(text, visible):
    quote = quoting.split_text(text)

    assert quote.visible == (text if visible is None else visible)
    assert quote.visible + quote.quoted == text


@pytest.mark.parametrize("name", ["outlook_reply", "gmail_reply", "gmail_reply_pt"])
def test_replies_of_mail_programs(name):
    mail = parse_mail(load(name))

    for quote in (quoting.split_text(mail.text), quoting.split_html(mail.html)):
        assert "Tuesday?" not in quote.visible
        assert "terça" not in quote.visible
    assert quoting.split_text(mail.text).visible.strip()


@pytest.mark.parametrize(
    ("html", "quoted"),
    [
        ('<p>a</p><blockquote type="cite"><p>x</p></blockquote>', True),
        ('<p>a</p><div class="moz-cite-prefix">On x</div><blockquote type="cite">x</blockquote>', True),
        ("<p>a</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3pt'><p>From</p></div></div>", True),
        ('<p>a</p><blockquote type="cite">x</blockquote><p>and below my answer</p>', False),
        ('<div class="gmail_quote"><div>---------- Forwarded message ---------</div>x</div>', False),
        ('<div class="gmail_quote">x</div>', False),
    ],
)
def test_where_the_quote_begins_in_html(html, quoted):
    quote = quoting.split_html(html)

    assert quote.visible + quote.quoted == html
    assert bool(quote.quoted) == quoted


_LINES = [
    "On 1 Jan 2024 a@b wrote:\n",
    "> q\n",
    "text\n",
    "\n",
    "From: x\n",
    "Sent: y\n",
    "To: z\n",
    "Em 1 de jan de 2024 x escreveu:\n",
    "-- \n",
    "_" * 32,
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=400), st.lists(st.sampled_from(_LINES), max_size=25).map("".join)))
def test_no_text_is_ever_lost(text):
    plain, page = quoting.split_text(text), quoting.split_html(text)

    assert plain.visible + plain.quoted == text
    assert page.visible + page.quoted == text
    assert plain.visible.strip() or not plain.quoted


# --- tokens ---
def test_reply_address_survives_folded_case_and_a_new_key():
    address = tokens.reply_address(INBOX, CONVERSATION, key=OLD_KEY)

    assert tokens.conversation_of_address(address.upper(), keys=[KEY, OLD_KEY]) == CONVERSATION
    assert len(address.split("@")[0]) <= 64


def test_changed_or_foreign_reply_addresses_mean_nothing():
    address = tokens.reply_address(INBOX, CONVERSATION, key=KEY)
    last = "a" if address.split("@")[0][-1] != "a" else "b"

    for wrong in (
        address.replace("support+", "sales+"),
        address.replace("@acme", "@globex"),
        address.split("@")[0][:-1] + last + "@acme.localhost",
        address.split("@")[0][:-4] + "@acme.localhost",
        tokens.reply_address(INBOX, MESSAGE, key=OTHER_KEY),
        "support+hello@acme.localhost",
        INBOX,
    ):
        assert tokens.conversation_of_address(wrong, keys=[KEY]) is None


def test_long_local_parts_get_a_shorter_mac_or_none():
    shorter = tokens.reply_address(f"{'s' * 20}@x.example", CONVERSATION, key=KEY)

    assert tokens.conversation_of_address(shorter, keys=[KEY]) == CONVERSATION
    assert tokens.reply_address(f"{'s' * 30}@x.example", CONVERSATION, key=KEY) == f"{'s' * 30}@x.example"


def test_message_id_is_stable_and_signed():
    value = tokens.message_id(MESSAGE, domain="acme.localhost", key=KEY)

    assert value == tokens.message_id(MESSAGE, domain="acme.localhost", key=KEY)
    assert tokens.message_of_id(f"<{value.upper()}>", keys=[OTHER_KEY, KEY]) == MESSAGE
    assert tokens.message_of_id(value, keys=[OTHER_KEY]) is None
    assert tokens.message_of_id("b" + value[1:], keys=[KEY]) is None
    assert tokens.message_of_id("x@y", keys=[KEY]) is None


# --- composing ---
def outgoing(**changes):
    mail = {
        "sender": Address("Ana Souza", INBOX),
        "recipient": Address("Mia", "mia@customer.example"),
        "reply_to": tokens.reply_address(INBOX, CONVERSATION, key=KEY),
        "subject": "Re: Broken spoke",
        "text": "Can you come on Tuesday?",
        "message_id": tokens.message_id(MESSAGE, domain="acme.localhost", key=KEY),
        "loop_mark": "tenant.inbox",
        "date": datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.UTC),
    }
    return OutgoingMail(**(mail | changes))


def test_composed_mail_reads_back():
    references = [f"{number}@{'d' * 80}.example" for number in range(40)]
    raw = compose.compose(outgoing(html="<p>Tuesday?</p>", in_reply_to="last@customer.example", references=references))

    mail = parse_mail(raw)
    assert mail.sender == Address("Ana Souza", INBOX)
    assert mail.message_id == outgoing().message_id
    assert mail.in_reply_to == ("last@customer.example",)
    assert mail.references == (references[0], *references[-18:], "last@customer.example")
    assert mail.reply_to[0].email == outgoing().reply_to
    assert (mail.text.strip(), "Tuesday?" in mail.html) == ("Can you come on Tuesday?", True)
    assert mail.field(compose.LOOP_FIELD) == "tenant.inbox"
    assert not mail.field("auto-submitted")
    assert not mail.field("x-auto-response-suppress")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"=?" not in raw.split(b"X-Atende-Loop")[0].split(b"Message-ID")[1]


def test_automatic_mail_says_so():
    mail = parse_mail(compose.compose(outgoing(is_automatic=True)))

    assert (mail.field("auto-submitted"), mail.field("x-auto-response-suppress")) == ("auto-generated", "All")


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: eve@evil.example", "x\nBcc: eve@evil.example", "x\u2028Bcc: eve@evil.example", "x\x00\x85Bcc: y"]
)
def test_nothing_injects_a_header(evil):
    raw = compose.compose(
        outgoing(
            subject=evil,
            sender=Address(evil, INBOX),
            recipient=Address(evil, "mia@customer.example"),
            loop_mark=evil,
            in_reply_to=evil,
            references=[evil],
            files=[OutgoingFile(evil, "text/plain", b"x", evil)],
        )
    )

    mail = parse_mail(raw)
    head = raw.split(b"\r\n\r\n")[0]
    assert b"\r\nbcc" not in head.lower()
    assert "bcc" not in mail.header_fields
    assert [item.email for item in (*mail.to, *mail.cc)] == ["mia@customer.example"]


def test_files_and_inline_images():
    files = [
        OutgoingFile("é.pdf", "application/pdf", b"%PDF"),
        OutgoingFile("i.png", "image/png", b"\x89PNG", "i@1"),
        OutgoingFile("m.eml", "message/rfc822", b"x"),
    ]

    mail = parse_mail(compose.compose(outgoing(html='<p><img src="cid:i@1"></p>', files=files)))

    assert {(file.filename, file.content_type, file.is_inline) for file in mail.attachments} == {
        ("é.pdf", "application/pdf", False),
        ("i.png", "image/png", True),
        ("m.eml", "application/octet-stream", False),
    }


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=60))
def test_any_text_can_be_sent(text, subject, name):
    mail = parse_mail(compose.compose(outgoing(text=text, subject=subject, sender=Address(name, INBOX))))

    assert mail.sender.email == INBOX
    assert "".join(mail.subject.split()) == "".join(parse_mail(compose.compose(outgoing(subject=mail.subject))).subject.split())

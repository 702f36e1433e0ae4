"""Odd mails through the whole intake: what becomes of each of them."""

import pytest

from tenant_apps.connectors.tests.mails import GENERATED, NAMES, load
from tenant_apps.contacts.models import Contact
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import FIRST_MAIL, answered_thread, receive_mail
from tenant_apps.messaging.models import Conversation, Message
from tenant_apps.tickets.models import Ticket

NEW, JOINED, THIRD_PARTY = "new conversation", "joined", "joined as a third party"

# name: (kind, where, code of the ticket's status category afterwards, files)
MESSAGES = {
    "alternative_inline_image": ("human", NEW, ["spoke.png"]),
    "outlook_reply": ("human", JOINED, []),
    "gmail_reply": ("human", JOINED, []),
    "gmail_reply_pt": ("human", JOINED, []),
    "customer_known_id": ("human", JOINED, []),
    "iso_2022_jp": ("human", NEW, []),
    "gb18030": ("human", NEW, []),
    "broken_headers": ("human", NEW, []),
    "dsn_hard_bounce": ("bounce_hard", THIRD_PARTY, []),
    "dsn_soft_bounce": ("bounce_soft", THIRD_PARTY, []),
    "bounce_as_text": ("bounce_hard", THIRD_PARTY, []),
    "vacation_reply": ("auto_reply", JOINED, []),
    "read_receipt": ("auto_reply", JOINED, []),
    "calendar_answer": ("auto_reply", JOINED, ["invite.ics"]),
    "calendar_invite": ("human", NEW, ["invite.ics"]),
    "smime_signed": ("human", NEW, []),
    "smime_opaque": ("human", NEW, ["smime.p7m"]),
    "empty_body": ("human", NEW, []),
    "forwarded_mail": ("human", NEW, ["Invoice 4711.eml"]),
    "header_injection": ("human", NEW, ["evil_name"]),
    "bad_date": ("human", NEW, []),
    "misleading_name": ("human", NEW, []),
    "stranger_same_subject": ("human", NEW, []),
    "stranger_known_id": ("human", NEW, []),
    "third_party_with_token": ("human", THIRD_PARTY, []),
    "forged_token": ("human", NEW, []),
    "mailing_list": ("bulk", NEW, []),
    "hostile_html": ("human", NEW, []),
    "large_attachment": ("human", NEW, ["film.bin"]),
    "giant_subject": ("human", NEW, []),
}
ENDED_OTHERWISE = {
    "missing_from": ("parked", "no_sender"),
    "two_froms": ("parked", "two_senders"),
    "deep_nesting": ("parked", "too_deep"),
    "deep_messages": ("parked", "too_deep"),
    "many_parts": ("parked", "too_many_parts"),
    "many_headers": ("parked", "too_many_headers"),
    "not_a_mail": ("parked", "not_a_mail"),
    "own_mail_loop": ("ignored", "own_mail"),
    "own_address": ("ignored", "own_mail"),
}


@pytest.fixture
def thread(in_acme, ana):
    return answered_thread(ana)


def test_every_payload_has_its_row():
    assert sorted({**MESSAGES, **ENDED_OTHERWISE}) == sorted([*NAMES, *GENERATED])


@pytest.mark.parametrize("name", MESSAGES)
def test_mail_becomes_a_message(name, thread):
    kind, where, files = MESSAGES[name]
    raw = thread.mail(name)
    recipient = thread.reply_to if b"@@" not in raw and thread.reply_to.encode() in raw.split(b"\r\n\r\n")[0] else ""
    before = Conversation.objects.count()

    event = receive_mail(raw, recipient=recipient)

    assert (event.state, event.error_code) == ("done", "")
    message = event.message
    joined = message.conversation_id == thread.conversation.pk
    assert message.kind == kind
    assert [attachment.filename for attachment in message.attachments.order_by("id")] == files
    assert (joined, message.is_third_party) == {NEW: (False, False), JOINED: (True, False), THIRD_PARTY: (True, True)}[where]
    assert Conversation.objects.count() == before + (not joined)


@pytest.mark.parametrize("name", ENDED_OTHERWISE)
def test_mail_that_becomes_no_message_is_kept_with_its_reason(name, thread):
    counts = Conversation.objects.count(), Message.objects.count(), Ticket.objects.count(), Contact.objects.count()

    event = receive_mail(thread.mail(name))

    assert (event.state, event.error_code) == ENDED_OTHERWISE[name]
    assert bytes(event.raw) == thread.mail(name)
    assert event.error_detail
    assert counts == (Conversation.objects.count(), Message.objects.count(), Ticket.objects.count(), Contact.objects.count())


def test_first_mail_becomes_a_ticket(in_acme):
    event = receive_mail(FIRST_MAIL)

    ticket = Ticket.objects.get(requester=event.message.conversation.contact)
    assert ticket.subject == "Broken spoke on my bike"
    assert (ticket.requester.name, ticket.requester.email) == ("Mia Keller", "mia@customer.example")
    assert event.message.body_text == "My bike is broken."
    assert event.message.occurred_at.isoformat() == "2026-11-23T07:00:00+00:00"


def test_inline_image_and_blocked_image(thread):
    message = receive_mail(thread.mail("alternative_inline_image")).message

    assert message.attachments.get().is_inline
    assert 'src="cid:spoke@customer"' in message.body_html
    assert "tracker.example" not in message.body_html
    assert message.blocked_images == 1


@pytest.mark.parametrize(
    ("name", "text", "quoted"),
    [
        ("outlook_reply", "Thank you, Tuesday at ten is fine. Grüße, Mia", "Can you come on Tuesday?"),
        ("gmail_reply", "It is still broken.", "> Can you come on Tuesday?"),
        ("gmail_reply_pt", "Ainda está quebrado.", "> Pode vir na terça-feira?"),
    ],
)
def test_quote_is_cut_as_a_view(name, text, quoted, thread):
    message = receive_mail(thread.mail(name)).message

    assert message.body_text.strip() == text
    assert quoted in message.quoted_text
    assert "Tuesday?" not in message.body_html


def test_hostile_html_is_stored_harmless(thread):
    message = receive_mail(thread.mail("hostile_html")).message

    for word in ("<script", "onload", "onerror", "javascript:", "evil.example", "<form", "<style", "id=", "class="):
        assert word not in message.body_html
    assert "Hello" in message.body_text
    assert message.blocked_images == 2
    assert message.subject == "<script>alert(1)</script>"


def test_hard_bounce_fails_the_message_with_its_reason(thread):
    receive_mail(thread.mail("dsn_hard_bounce"), recipient=thread.reply_to, mail_from="")

    thread.sent.refresh_from_db()
    assert thread.sent.delivery_state == "failed"
    assert "5.1.1" in thread.sent.delivery_error


def test_soft_bounce_leaves_the_message_sent(thread):
    receive_mail(thread.mail("dsn_soft_bounce"), recipient=thread.reply_to, mail_from="")

    thread.sent.refresh_from_db()
    assert thread.sent.delivery_state == "sent"


def test_forged_bounce_fails_nothing(thread):
    raw = thread.mail("dsn_hard_bounce").replace(thread.sent.external_id.encode(), b"guessed@acme.localhost")

    event = receive_mail(raw, mail_from="")

    thread.sent.refresh_from_db()
    assert (event.state, thread.sent.delivery_state) == ("done", "sent")


@pytest.mark.parametrize("name", ["vacation_reply", "dsn_hard_bounce", "read_receipt", "calendar_answer", "third_party_with_token"])
def test_machines_and_strangers_reopen_nothing(name, thread):
    from tenant_apps.tickets import services as tickets  # noqa: PLC0415 (one test only)

    tickets.solve_ticket(ticket=Ticket.objects.get(pk=thread.ticket.pk))

    receive_mail(thread.mail(name), recipient=thread.reply_to)

    ticket = Ticket.objects.select_related("status").get(pk=thread.ticket.pk)
    assert (ticket.status.category, ticket.reopen_count) == ("solved", 0)


def test_customers_reply_reopens(thread):
    from tenant_apps.tickets import services as tickets  # noqa: PLC0415 (as above)

    tickets.solve_ticket(ticket=Ticket.objects.get(pk=thread.ticket.pk))

    receive_mail(thread.mail("outlook_reply"))

    ticket = Ticket.objects.select_related("status").get(pk=thread.ticket.pk)
    assert (ticket.status.category, ticket.reopen_count) == ("open", 1)


def test_second_copy_of_a_mail_is_ignored_with_a_link_to_the_first(in_acme):
    first = receive_mail(FIRST_MAIL)
    copy = receive_mail(b"Received: by another way\r\n" + FIRST_MAIL)

    assert (copy.state, copy.error_code, copy.duplicate_of) == ("ignored", "duplicate", first)
    assert Message.objects.filter(external_id="first@customer.example").count() == 1


def test_other_words_under_the_same_message_id_are_no_copy(in_acme):
    """The sender chooses the id: a program that reuses it must lose nothing."""
    receive_mail(FIRST_MAIL)
    other = receive_mail(FIRST_MAIL + b"\r\nAnd one thing more.\r\n")

    assert (other.state, other.duplicate_of) == ("done", None)
    assert "one thing more" in other.message.body_text


def test_same_message_id_from_another_sender_is_no_copy(in_acme):
    receive_mail(FIRST_MAIL)
    other = receive_mail(FIRST_MAIL.replace(b"mia@customer.example", b"eve@stranger.example"))

    assert other.state == "done"


def test_same_bytes_handed_over_twice_are_one_event(in_acme):
    first, second = receive_mail(FIRST_MAIL), receive_mail(FIRST_MAIL)

    assert first.pk == second.pk
    assert InboundEvent.objects.count() == 1


def test_another_tenants_loop_header_is_somebody_elses_mail(thread):
    raw = thread.mail("own_mail_loop").replace(b"X-Atende-Loop: ", b"X-Atende-Loop: 0")

    assert receive_mail(raw).state == "done"


def test_another_tenants_token_means_nothing(thread, globex):
    from kernel import tenancy  # noqa: PLC0415 (one test only)

    raw = thread.mail("gmail_reply").replace(b"@acme.localhost", b"@globex.localhost")
    with tenancy.tenant_scope(globex):
        event = receive_mail(raw)
        assert event.message.conversation.messages.count() == 1
        assert not Message.objects.filter(external_id=thread.sent.external_id).exists()


def test_plain_load_still_fills_every_mark():
    assert not [name for name in NAMES if b"@@" in load(name)]

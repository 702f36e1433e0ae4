"""Reading mail: charsets, structure, file names, limits; nothing but UnreadableMail is ever raised."""

import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenant_apps.connectors.mail import address, charset, data_images, filename, headers
from tenant_apps.connectors.mail.errors import UnreadableMail
from tenant_apps.connectors.mail.parse import parse_mail
from tenant_apps.connectors.tests.mails import GENERATED, NAMES, load

HEAD = b"From: a@b.example\r\nSubject: s\r\n"


def test_alternative_with_inline_image():
    mail = parse_mail(load("alternative_inline_image"))

    assert mail.sender == address.Address("Mia Keller", "mia@customer.example")
    assert (mail.subject, mail.message_id) == ("Broken spoke on my bike", "alt-1@customer.example")
    assert mail.text == "Hello, a spoke of my wheel is broken – see the picture."
    assert "broken – see" in mail.html
    [image] = mail.attachments
    assert (image.filename, image.content_type, image.content_id, image.is_inline) == ("spoke.png", "image/png", "spoke@customer", True)
    assert image.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "subject", "text", "sender"),
    [
        ("iso_2022_jp", "自転車の修理", "ブレーキが壊れました。", "山田"),
        ("gb18030", "自行车链条㐀", "链条断了。㐀", "王"),
        ("broken_headers", "Rechnung für Märzäö =?utf-8?B?broken", "Für die Rechnung fehlt die Nummer.", "Jörg Müller"),
    ],
)
def test_charsets_that_mails_really_use(name, subject, text, sender):
    mail = parse_mail(load(name))

    assert (mail.subject, mail.text.strip(), mail.sender.name) == (subject, text, sender)


@pytest.mark.parametrize(
    ("content", "label", "text"),
    [
        ("olá".encode(), "iso-8859-1", "olá"),
        ("olá".encode("latin-1"), "utf-8", "olá"),
        ("“x”".encode("cp1252"), "iso-8859-1", "“x”"),
        ("日本".encode("iso2022_jp"), None, "日本"),
        ("①".encode("cp932"), "shift_jis", "①"),
        ("한글".encode("cp949"), "ks_c_5601-1987", "한글"),
        ("ã".encode(), "unknown-8bit", "ã"),
        (b"abc", "zlib", "abc"),
        (b"abc", "unicode_escape", "abc"),
        (b"a\x00b", "utf-8", "a\ufffdb"),
        ("\ufeffx".encode(), "utf-8", "x"),
    ],
)
def test_wrong_and_odd_charset_labels(content, label, text):
    assert charset.decode(content, label) == text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("deep_nesting", "too_deep"),
        ("deep_messages", "too_deep"),
        ("many_parts", "too_many_parts"),
        ("many_headers", "too_many_headers"),
        ("not_a_mail", "not_a_mail"),
    ],
)
def test_hostile_structure_is_refused_quickly(name, code):
    raw = load(name)
    started = time.process_time()

    with pytest.raises(UnreadableMail) as refusal:
        parse_mail(raw)

    assert refusal.value.code == code
    assert time.process_time() - started < 2


def test_empty_and_too_large_input_is_refused():
    with pytest.raises(UnreadableMail, match="no bytes"):
        parse_mail(b" \r\n")
    with pytest.raises(UnreadableMail, match="larger than"):
        parse_mail(HEAD + b"\r\n" + b"x" * 100, max_bytes=50)


def test_injected_line_breaks_are_spaces_everywhere():
    mail = parse_mail(load("header_injection"))

    assert mail.subject.startswith("Hello Bcc: victim@else.example body")
    assert mail.sender == address.Address("Mia Bcc: victim@else.example", "mia@customer.example")
    [file] = mail.attachments
    assert file.filename == "evil_name"
    values = [mail.subject, mail.sender.name, file.filename, *(value for field in mail.header_fields.values() for value in field)]
    assert not [value for value in values if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in value)]


def test_signature_parts_are_no_files_and_sealed_mail_is_one():
    signed, sealed = parse_mail(load("smime_signed")), parse_mail(load("smime_opaque"))

    assert (signed.text, signed.attachments, signed.is_signed) == ("When do you open – and on Sundays?", (), True)
    assert [(file.filename, file.content_type) for file in sealed.attachments] == [("smime.p7m", "application/pkcs7-mime")]
    assert sealed.is_encrypted


def test_enclosed_mail_is_a_file_named_after_its_subject():
    mail = parse_mail(load("forwarded_mail"))

    [file] = mail.attachments
    assert (file.filename, file.content_type) == ("Invoice 4711.eml", "message/rfc822")
    assert b"Pay within 30 days." in file.content
    assert mail.report is None


def test_invitation_is_text_with_a_calendar_file():
    mail = parse_mail(load("calendar_invite"))

    assert mail.text.startswith("You are invited")
    assert [(file.filename, file.content_type) for file in mail.attachments] == [("invite.ics", "text/calendar")]
    assert mail.calendar_method == "REQUEST"


def test_large_file_arrives_whole():
    mail = parse_mail(load("large_attachment"))

    assert [(file.filename, len(file.content)) for file in mail.attachments] == [("film.bin", 5 * 1024 * 1024)]


def test_giant_subject_is_cut_and_two_senders_are_none():
    assert len(parse_mail(load("giant_subject")).subject) == 250
    assert parse_mail(load("two_froms")).sender is None
    assert parse_mail(load("missing_from")).sender is None


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("alice@bank.example <eve@evil.example>", [("alice@bank.example", "eve@evil.example")]),
        ('"Silva, Ana" <ANA@X.Example>, bob@y.example', [("Silva, Ana", "ana@x.example"), ("", "bob@y.example")]),
        ("Team: a@b.example, c@d.example;", [("", "a@b.example"), ("", "c@d.example")]),
        ("(a (nested) comment) ana@x.example (Ana)", [("", "ana@x.example")]),
        ('"=?utf-8?q?eve=40evil.example=2C?=" <ana@x.example>', [("eve@evil.example,", "ana@x.example")]),
        ("=?utf-8?q?=3Ceve=40evil.example=3E?= <ana@x.example>", [("<eve@evil.example>", "ana@x.example")]),
        ("ana@bücher.example", [("", "ana@xn--bcher-kva.example")]),
        ("<@relay.example:ana@x.example>", [("", "ana@x.example")]),
        ('"Ana <ana@x.example>', [("Ana", "ana@x.example")]),
        ("Ana (unclosed <ana@x.example>", [("Ana (unclosed", "ana@x.example")]),
        ('"a \\" b, c" (x \\) y) <ana@x.example>', [("a b, c", "ana@x.example")]),
        ("a@b@c.example, <>, nonsense, undisclosed-recipients:;", []),
        ("ana@x.example\r\nBcc: eve@evil.example", []),
    ],
)
def test_address_fields(field, expected):
    assert [(item.name, item.email) for item in address.parse(field)] == expected


def test_address_field_made_to_be_slow_is_read_quickly():
    started = time.process_time()

    for char in ("(", '"', "<", ",", "\\", '"a" ', "(a) "):
        address.parse(char * 60_000)

    assert time.process_time() - started < 5


def test_misleading_display_name_is_noticed():
    [sender] = parse_mail(load("misleading_name")).senders

    assert (sender.email, sender.has_misleading_name) == ("eve@stranger.example", True)
    assert not address.Address("ana@x.example", "ana@x.example").has_misleading_name


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.pdf", "x.pdf"),
        ('a"b;c\r\nX: y.txt', "a_b_c X_ y.txt"),
        ("invoice\u202efdp.exe", "invoice fdp.exe"),
        ("..", "attachment"),
        ("", "attachment"),
        (".htaccess", "htaccess"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("<img src=x onerror=alert(1)>.png", "_img src=x onerror=alert(1)_.png"),
    ],
)
def test_file_names_are_harmless(given_name, expected):
    assert filename.sanitise(given_name) == expected


def test_message_ids_are_found_in_every_disguise():
    assert headers.message_ids("<a@b>\r\n <c@\r\n d> (x) <a@b>") == ("a@b", "c@d")
    assert headers.message_ids("a@b") == ("a@b",)
    assert len(headers.message_ids(" ".join(f"<{n}@x>" for n in range(500)))) == 100


def test_pictures_inside_the_html_become_files():
    html, files = data_images.extract(
        '<img src="data:image/png;base64,iVBORw0K"><img src=\'data:image/png;base64,iVBORw0K\'><img src="data:text/html,x">'
    )

    [file] = files
    assert html == f'<img src="cid:{file.content_id}"><img src=\'cid:{file.content_id}\'><img src="data:text/html,x">'
    assert (file.content_type, file.is_inline) == ("image/png", True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(NAMES), st.lists(st.tuples(st.integers(0, 4_000), st.binary(max_size=12)), min_size=1, max_size=6))
def test_damaged_mail_raises_nothing_unexpected(name, damages):
    raw = bytearray(load(name))
    for position, content in damages:
        raw[position % len(raw) : position % len(raw) + len(content) // 2] = content

    try:
        mail = parse_mail(bytes(raw))
    except UnreadableMail:
        return

    assert "\x00" not in mail.text + mail.html + mail.subject
    mail.text.encode()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused(raw):
    try:
        parse_mail(HEAD + raw)
    except UnreadableMail as refusal:
        assert refusal.code  # noqa: PT017 (the only exception that may come)


def test_nul_in_a_charset_label_is_survived():
    """The standard library hands the label to the codec machinery, which refuses NUL with an error of its own."""
    mail = parse_mail(b'From: a@b.example\r\nContent-Type: text/plain; charset="u\x00tf"\r\n\r\nol\xc3\xa1')

    assert mail.text == "olá"


def test_generated_payloads_are_all_used():
    assert set(GENERATED) == {
        "large_attachment",
        "deep_nesting",
        "deep_messages",
        "many_parts",
        "many_headers",
        "giant_subject",
        "not_a_mail",
    }

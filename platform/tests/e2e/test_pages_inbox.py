"""The inbox by keyboard and by hand: what an agent does all day, in a real Chromium."""

import smtplib
import time
import uuid
from email.message import EmailMessage

import pytest

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture(scope="module")
def sessions() -> dict:
    """Storage states by person: signing in is rate-limited, so each person signs in once."""
    return {}


@pytest.fixture
def page_of(new_page, signed_in, sessions):
    """`page_of("acme", "ana")` is a page with the person's session."""

    def make(tenant: str, person: str, **options):
        if (tenant, person) not in sessions:
            sessions[tenant, person] = signed_in(tenant, person).context.storage_state()
        return new_page(tenant, storage_state=sessions[tenant, person], **options)

    return make


def _until(page, expression: str, seconds: float = 10) -> None:
    """Polls, since the policy forbids `wait_for_function`."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


def _open_first(page, view: str = "open") -> str:
    page.goto(f"/inbox/v/{view}/")
    _until(page, "document.body.dataset.live === 'on'")
    page.locator("#rows .row a").first.click()
    page.wait_for_selector("#composer[data-started]")
    return page.locator("#thread").get_attribute("data-ticket")


def _blur(page) -> None:
    page.evaluate("document.activeElement.blur()")


def test_the_keyboard_walks_opens_and_goes_back(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    page.goto("/inbox/v/open/")
    _until(page, "document.documentElement.dataset.ready === '1'")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("#composer[data-started]")
    opened = page.url
    page.keyboard.press("Escape")
    page.wait_for_url("**/inbox/v/open/")

    assert "?v=open" in opened
    assert page.locator("#thread").count() == 0
    assert page.evaluate("document.activeElement.closest('.row') !== null")


def test_two_keys_go_to_a_view_and_the_browser_goes_back(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    ticket = _open_first(page)

    page.keyboard.press("g")
    page.keyboard.press("u")
    page.wait_for_url("**/inbox/v/unassigned/")
    page.go_back()
    page.wait_for_selector(f"#thread[data-ticket='{ticket}']")

    assert page.locator("#composer[data-started]").count() == 1
    assert page.locator(".list-head h2").inner_text() == "All open"


def test_keys_are_letters_while_typing(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)

    page.keyboard.press("r")
    page.keyboard.type("jkenrg?")

    assert page.input_value("#text") == "jkenrg?"
    page.fill("#text", "")


def test_a_note_shows_its_five_cues(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)
    look = "getComputedStyle(document.querySelector('{}')).{}"
    reply = [
        page.evaluate(look.format(*pair))
        for pair in [("#composer", "backgroundColor"), ("#composer", "boxShadow"), ("#composer .btn.primary", "backgroundColor")]
    ]

    page.keyboard.press("n")

    note = [
        page.evaluate(look.format(*pair))
        for pair in [("#composer", "backgroundColor"), ("#composer", "boxShadow"), ("#composer .btn.primary", "backgroundColor")]
    ]
    assert all(before != after for before, after in zip(reply, note, strict=True))
    assert page.locator("#composer .to:visible").inner_text() == "Only your team sees this"
    assert page.locator("#composer .btn.primary span:visible").inner_text() == "Add note"
    assert page.locator("#composer label:has(:checked) use").get_attribute("href").endswith("#lock")


def test_reply_and_note_have_drafts_of_their_own_that_survive_a_reload(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)
    page.keyboard.press("r")
    page.keyboard.type("a reply")
    page.check("[name=kind][value=note]", force=True)
    page.keyboard.type("a note")
    page.reload()
    page.wait_for_selector("#composer[data-started]")

    texts = [page.input_value("#text")]
    page.check("[name=kind][value=note]", force=True)
    texts.append(page.input_value("#text"))

    assert texts == ["a reply", "a note"]
    page.fill("#text", "")
    page.check("[name=kind][value=reply]", force=True)
    page.fill("#text", "")


def test_a_message_shows_at_once_and_once(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)
    words = f"note {uuid.uuid4()}"

    page.keyboard.press("n")
    page.keyboard.type(words)
    page.keyboard.press("Control+Enter")

    _until(page, f"document.querySelector('#log').textContent.includes('{words}')", 1)
    _until(page, "document.querySelector('.msg.pending') === null")
    page.wait_for_timeout(600)
    assert page.locator(".msg.note", has_text=words).count() == 1
    assert page.input_value("#text") == ""


@pytest.fixture
def unassigned(stack) -> str:
    """The subject of a ticket that came by mail just now and is nobody's."""
    subject = f"Keys {uuid.uuid4().hex[:8]}"
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Kay <kay@mail.example>", "support@acme.localhost", subject
    mail.set_content("Press something.")
    with smtplib.SMTP("127.0.0.1", stack.smtp_port, timeout=20) as smtp:
        smtp.send_message(mail)
    return subject


def _wait_for_row(page, subject: str):
    page.goto("/inbox/v/unassigned/")
    _until(page, "document.body.dataset.live === 'on'")
    _until(page, f"document.querySelector('#rows').textContent.includes('{subject}')", 30)
    return page.locator("#rows .row", has_text=subject)


def test_the_keys_assign_and_resolve_the_open_ticket(page_of, unassigned):
    page = page_of("acme", "ana", **DESKTOP)
    _wait_for_row(page, unassigned).locator("a").click()
    page.wait_for_selector("#composer[data-started]")
    _blur(page)
    me = page.evaluate("document.body.dataset.user")

    page.keyboard.press("i")
    _until(page, f"document.querySelector('#f-assignee').value === '{me}'")
    page.keyboard.press("a")
    _until(page, "document.querySelector('#assign-menu').open && document.activeElement.closest('#assign-menu') !== null")
    page.keyboard.press("Escape")
    _blur(page)
    page.keyboard.press("e")
    _until(page, "document.querySelector('#resolve').textContent.includes('Reopen')")
    page.keyboard.press("e")
    _until(page, "document.querySelector('#resolve').textContent.includes('Resolve')")

    assert page.locator("#assign-menu .assignee-name").inner_text() == "Ana Souza"


def test_the_keys_act_on_the_row_in_focus_without_opening_it(page_of, unassigned):
    page = page_of("acme", "ana", **DESKTOP)
    row = _wait_for_row(page, unassigned).get_attribute("id")
    while page.evaluate("document.activeElement.closest('.row')?.id") != row:
        page.keyboard.press("j")
    me = page.evaluate("document.body.dataset.user")

    page.keyboard.press("i")
    _until(page, f"document.getElementById('{row}').dataset.assignee === '{me}'")
    page.keyboard.press("e")
    _until(page, f"document.getElementById('{row}').dataset.category === 'solved'")
    page.keyboard.press("e")
    _until(page, f"document.getElementById('{row}').dataset.category === 'open'")

    assert page.locator("#thread").count() == 0


def test_a_colleagues_change_arrives_without_touching_the_draft(page_of):
    ana, bea = page_of("acme", "ana", **DESKTOP), page_of("acme", "bea", **DESKTOP)
    ticket = _open_first(ana)
    bea.goto(f"/inbox/{ticket}/")
    bea.wait_for_selector("#composer[data-started]")
    _until(bea, "document.body.dataset.live === 'on'")
    bea.click("#text")
    bea.keyboard.type("half a sentence")
    bea.evaluate("document.querySelector('#text').setSelectionRange(4, 4)")
    wanted = "urgent" if ana.input_value("#f-priority") != "urgent" else "low"

    ana.select_option("#f-priority", wanted)

    _until(bea, f"document.querySelector('#f-priority').value === '{wanted}'")
    _until(bea, "document.querySelector('#log').textContent.includes('set the priority to')")
    assert bea.input_value("#text") == "half a sentence"
    assert bea.evaluate("[document.activeElement.id, document.querySelector('#text').selectionStart]") == ["text", 4]
    bea.fill("#text", "")


def test_a_colleagues_change_leaves_an_open_menu_open(page_of):
    ana, bea = page_of("acme", "ana", **DESKTOP), page_of("acme", "bea", **DESKTOP)
    ticket = _open_first(ana)
    bea.goto(f"/inbox/{ticket}/")
    bea.wait_for_selector("#composer[data-started]")
    _until(ana, "document.body.dataset.live === 'on'")
    _blur(ana)
    ana.keyboard.press("a")
    held = ana.evaluate("document.activeElement.id")
    wanted = "urgent" if bea.input_value("#f-priority") != "urgent" else "low"

    bea.select_option("#f-priority", wanted)

    _until(ana, f"document.querySelector('#f-priority').value === '{wanted}'")
    assert ana.evaluate("document.querySelector('#assign-menu').open")
    assert ana.evaluate("document.activeElement.id") == held != ""


def test_a_refused_message_comes_back_with_its_reason(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)
    page.keyboard.press("n")
    page.keyboard.type("with an empty file")
    page.set_input_files("[name=files]", [{"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}])

    page.keyboard.press("Control+Enter")

    page.wait_for_selector("#composer-error .field-error")
    assert page.input_value("#text") == "with an empty file"
    assert page.locator(".msg.pending").count() == 0
    page.fill("#text", "")


def test_the_palette_filters_and_runs(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    _open_first(page)

    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open]")
    page.keyboard.type("interna")
    page.keyboard.press("Enter")

    assert page.locator("#palette[open]").count() == 0
    assert page.locator("#composer").get_attribute("data-kind") == "note"


def test_the_theme_key_switches_and_is_kept(page_of):
    page = page_of("acme", "bea", color_scheme="light", **DESKTOP)
    page.goto("/inbox/")
    _until(page, "document.documentElement.dataset.ready === '1'")

    with page.expect_response("**/me/theme/"):
        page.keyboard.press("t")
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_phone_shows_the_list_or_the_thread(page_of):
    page = page_of("acme", "ana", **PHONE)
    page.goto("/inbox/v/open/")
    _until(page, "document.documentElement.dataset.ready === '1'")
    shown = [page.locator(name).is_visible() for name in ("#list", ".tabbar")]

    page.locator("#rows .row a").first.click()
    page.wait_for_selector("#thread")
    opened = [page.locator(name).is_visible() for name in ("#list", ".tabbar", "#thread")]
    page.click(".details-toggle")
    has_panel = page.locator("#panel").is_visible()
    page.click("#panel .icon-btn")
    page.click(".back")

    assert shown == [True, True]
    assert opened == [False, False, True]
    assert has_panel
    assert page.locator("#list").is_visible()


def test_more_rows_come_by_scrolling(page_of):
    page = page_of("acme", "ana", **DESKTOP)
    page.goto("/inbox/v/done/")
    before = page.locator(".row").count()

    page.evaluate("document.querySelector('.rows-box').scrollTop = 1e6")

    _until(page, f"document.querySelectorAll('.row').length > {before}")
    ids = page.evaluate("[...document.querySelectorAll('.row')].map(row => row.id)")
    assert len(ids) == len(set(ids))

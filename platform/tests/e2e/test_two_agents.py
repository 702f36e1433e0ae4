"""The whole path through real browsers: a mail arrives live, two agents work on it, the customer gets one answer."""

import email
import email.policy
import json
import smtplib
import time
import urllib.request
import uuid
from email.message import EmailMessage

import pytest

CUSTOMER = "bia@mail.example"


@pytest.fixture
def subject() -> str:
    return f"Rear brake {uuid.uuid4().hex[:8]}"


def send_mail(stack, subject: str, text: str, *, to: str = "support@acme.localhost", **headers: str) -> str:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = f"Bia Prado <{CUSTOMER}>", to, subject
    message["Message-ID"] = headers.pop("message_id", f"<{uuid.uuid4()}@mail.example>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", stack.smtp_port, timeout=20) as session:
        session.send_message(message)
    return message["Message-ID"]


def caught(stack, subject: str, *, seconds: float = 20) -> list[EmailMessage]:
    """The mails with this subject that left the system, oldest first; waits for the first one."""
    deadline = time.monotonic() + seconds
    while True:
        found = [mail for mail in _get(stack, "/dev/mail/messages") if subject in mail["subject"]]
        if found or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return [email.message_from_bytes(_get(stack, mail["raw_url"], raw=True), policy=email.policy.default) for mail in reversed(found)]


def _get(stack, path: str, *, raw: bool = False):
    request = urllib.request.Request(f"http://127.0.0.1:{stack.port}{path}", headers={"Host": stack.host()})
    body = urllib.request.urlopen(request, timeout=10).read()
    return body if raw else json.loads(body)


def write(page, kind: str, text: str) -> None:
    page.check(f"#composer [name=kind][value={kind}]", force=True)
    page.fill("#text", text)
    page.press("#text", "Control+Enter")


def row(page, subject: str):
    return page.locator("#rows li", has_text=subject)


def bubbles(page, text: str):
    """The messages in the thread's log that say this, ghosts included."""
    return page.locator("#log .msg", has_text=text)


def wait_until(check, what: str, *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_two_agents_answer_one_customer(stack, signed_in, subject):
    ana, bea = signed_in("acme", "ana"), signed_in("acme", "ada")
    for page in (ana, bea):
        page.goto("/inbox/v/open/")
        page.wait_for_selector("body[data-live=on]")

    # a real mail arrives live on both screens
    first_id = send_mail(stack, subject, "The rear brake rubs since Saturday.")
    for page in (ana, bea):
        row(page, subject).wait_for()
        row(page, subject).locator("a").click()
        bubbles(page, "rubs since Saturday").wait_for()

    # a half-typed draft, its caret and focus survive a colleague's note
    ana.fill("#text", "Hello Bia, we")
    ana.press("#text", "ArrowLeft")
    write(bea, "note", "Two rotors in stock at the workshop.")
    bubbles(ana, "Two rotors in stock").wait_for()
    assert ana.input_value("#text") == "Hello Bia, we"
    assert ana.evaluate("document.activeElement.id") == "text"
    assert ana.evaluate("document.activeElement.selectionStart") == len("Hello Bia, we") - 1

    # the reply appears once on both screens and goes out with the right threading; the note never does
    write(ana, "reply", "Hello Bia, please bring it in.")
    for page in (ana, bea):
        bubbles(page, "please bring it in").wait_for()
        page.wait_for_selector("#log .msg:has-text('please bring it in') .receipt")
        assert bubbles(page, "please bring it in").count() == 1
    mails = caught(stack, subject)
    assert len(mails) == 1
    assert (mails[0]["In-Reply-To"], first_id in mails[0]["References"]) == (first_id, True)
    assert "Two rotors" not in mails[0].as_string()

    # the customer's answer joins the same conversation
    answer_to = str(mails[0]["Reply-To"] or mails[0]["From"])
    reply_id = str(mails[0]["Message-ID"])
    send_mail(stack, f"Re: {subject}", "Tomorrow at nine?", to=answer_to, In_Reply_To=reply_id, References=reply_id)
    for page in (ana, bea):
        bubbles(page, "Tomorrow at nine?").wait_for()
    assert row(ana, subject).count() == 1


def test_every_message_missed_while_the_live_process_was_dead_shows_once(stack, signed_in, subject):
    ana, bea = signed_in("acme", "ana"), signed_in("acme", "ada")
    send_mail(stack, subject, "First message.")
    for page in (ana, bea):
        page.goto("/inbox/v/open/")
        row(page, subject).wait_for()
        row(page, subject).locator("a").click()
        bubbles(page, "First message.").wait_for()
        page.wait_for_selector("body[data-live=on]")

    stack.kill("live")
    ana.wait_for_selector("body[data-live=off]")
    for number in range(3):
        write(bea, "note", f"Written while it was down {number}.")
        wait_until(lambda: bea.input_value("#text") == "", "the composer stays full")
    ana.fill("#text", "my draft")
    ana.wait_for_selector("body[data-live=on]", timeout=40_000)

    for page in (ana, bea):
        for number in range(3):
            bubbles(page, f"Written while it was down {number}.").wait_for()
            wait_until(lambda page=page, number=number: bubbles(page, f"down {number}.").count() == 1, f"note {number} is shown twice")
    assert ana.input_value("#text") == "my draft"


def test_a_draft_survives_a_reload_and_a_note_keeps_its_own(stack, signed_in, subject):
    ana = signed_in("acme", "ana")
    send_mail(stack, subject, "Hello.")
    ana.goto("/inbox/v/open/")
    row(ana, subject).wait_for()
    row(ana, subject).locator("a").click()
    bubbles(ana, "Hello.").wait_for()

    ana.fill("#text", "a reply")
    ana.check("#composer [name=kind][value=note]", force=True)
    ana.fill("#text", "a note")
    ana.reload()

    assert ana.input_value("#text") in {"a reply", "a note"}
    ana.check("#composer [name=kind][value=note]", force=True)
    assert ana.input_value("#text") == "a note"
    ana.check("#composer [name=kind][value=reply]", force=True)
    assert ana.input_value("#text") == "a reply"


def test_script_in_a_mail_is_text(stack, signed_in, subject):
    ana = signed_in("acme", "ana")
    problems = []
    ana.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
    ana.on("console", lambda message: message.type == "error" and problems.append(message.text))
    send_mail(stack, f"{subject} <img src=x onerror=alert(1)>", "<script>alert(2)</script> and text")

    ana.goto("/inbox/v/open/")
    row(ana, subject).wait_for()
    row(ana, subject).locator("a").click()

    bubbles(ana, "<script>alert(2)</script>").wait_for()
    assert problems == []

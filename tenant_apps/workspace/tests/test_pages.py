"""The pages of a tenant's host: who sees them, what they answer, what they refuse."""

import json
import re

import pytest
from conftest import PASSWORD
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.services.invitations import token_of

from tenant_apps.messaging.models import Message
from tenant_apps.tickets.tests import factories

HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_ACCEPT": "text/html"}


@pytest.fixture
def ticket(in_acme):
    return factories.ticket(subject="Brake rubs")


@pytest.mark.parametrize(
    "path", ["/inbox/", "/inbox/v/unassigned/", "/inbox/v/open/?s=waiting", "/inbox/v/done/", "/inbox/counts/", "/me/"]
)
def test_a_page_of_an_agent_answers_200(browser_for, ana, path):
    answer = browser_for(ana).get(path)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize("path", ["/inbox/v/nothing/", "/inbox/v/team/nobody/", "/inbox/01900000-0000-7000-8000-000000000000/"])
def test_what_does_not_exist_is_404(browser_for, ana, path):
    assert browser_for(ana).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/settings/intake/", "/settings/keys/"])
def test_settings_are_for_admins(browser_for, ana, ada, path):
    refused, shown = browser_for(ana).get(path), browser_for(ada).get(path)

    assert (refused.status_code, shown.status_code) == (403, 200)


@pytest.mark.parametrize("path", ["/inbox/", "/me/", "/settings/keys/", "/inbox/v/open/"])
def test_nobody_is_sent_to_the_sign_in_and_back(client_for, acme, path):
    answer = client_for(None, acme).get(path)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=%2F")


def test_a_script_without_a_session_gets_401_and_the_address(client_for, acme):
    answer = client_for(None, acme).get("/inbox/", **HTMX)

    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith("/sign-in/")


def test_the_session_of_one_tenant_is_nothing_on_another(browser_for, ana, globex, ticket):
    client = browser_for(ana)

    answer = client.get(f"/inbox/{ticket.public_id}/", HTTP_HOST=globex.host)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


def test_a_ticket_is_a_page_or_a_fragment_at_the_same_address(browser_for, ana, ticket):
    client, path = browser_for(ana), f"/inbox/{ticket.public_id}/"

    page, fragment = client.get(path), client.get(path, **HTMX)

    assert [b"<!doctype html>" in answer.content for answer in (page, fragment)] == [True, False]
    assert [b'id="thread"' in answer.content for answer in (page, fragment)] == [True, True]


def test_restoring_the_history_gives_the_whole_page(browser_for, ana, ticket):
    answer = browser_for(ana).get(f"/inbox/{ticket.public_id}/", **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true")

    assert b"<!doctype html>" in answer.content


def test_opening_a_ticket_marks_it_as_read(browser_for, ana, ticket):
    client = browser_for(ana)
    before = client.get("/inbox/v/open/").content.decode()
    client.get(f"/inbox/{ticket.public_id}/")

    after = client.get("/inbox/v/open/").content.decode()

    assert [bool(re.search(rf'data-ticket="{ticket.public_id}"[^>]*data-unread', page)) for page in (before, after)] == [True, False]


def test_a_reply_answers_204_and_is_in_the_missed_events_once(browser_for, ana, ticket):
    client = browser_for(ana)
    body = {"kind": "reply", "body_text": "We have a <b>rotor</b>", "client_token": "t-1"}
    first = client.post(f"/inbox/{ticket.public_id}/messages/", body, **HTMX)
    client.post(f"/inbox/{ticket.public_id}/messages/", body, **HTMX)

    missed = json.loads(client.get(f"/inbox/{ticket.public_id}/since/0/").content)

    html = "".join(
        fragment["html"] for event in missed["events"] for fragment in event["fragments"] if fragment["target"].startswith("#log")
    )
    assert first.status_code == 204
    assert html.count('data-token="t-1"') == 1
    assert "We have a &lt;b&gt;rotor&lt;/b&gt;" in html


def test_a_plain_form_post_leads_back_to_the_ticket(browser_for, ana, ticket):
    answer = browser_for(ana).post(f"/inbox/{ticket.public_id}/messages/", {"kind": "note", "body_text": "Only us"})

    assert answer.status_code == 302
    assert answer["Location"] == f"/inbox/{ticket.public_id}/"


def test_a_note_stays_a_note(browser_for, ana, ticket, in_acme):
    browser_for(ana).post(f"/inbox/{ticket.public_id}/messages/", {"kind": "note", "body_text": "Only us"}, **HTMX)

    note = Message.objects.get(body_text="Only us")
    assert (note.visibility, note.delivery_state, note.external_id) == ("internal", "none", "")


def test_an_empty_message_is_refused_beside_the_field(browser_for, ana, ticket, in_acme):
    before = Message.objects.count()
    answer = browser_for(ana).post(f"/inbox/{ticket.public_id}/messages/", {"kind": "reply", "body_text": " "}, **HTMX)

    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert Message.objects.count() == before


def test_fields_are_changed_and_drawn_again(browser_for, ana, ticket):
    answer = browser_for(ana).post(f"/inbox/{ticket.public_id}/fields/", {"version": ticket.version, "priority": "high"}, **HTMX)

    assert answer.status_code == 200
    ticket.refresh_from_db()
    assert ticket.priority == "high"
    assert b'hx-target="#ticket-fields"' in answer.content


def test_a_stale_version_changes_nothing_and_says_so(browser_for, ana, ticket):
    browser_for(ana).post(f"/inbox/{ticket.public_id}/fields/", {"version": ticket.version, "priority": "high"}, **HTMX)

    answer = browser_for(ana).post(f"/inbox/{ticket.public_id}/fields/", {"version": ticket.version, "priority": "low"}, **HTMX)

    assert answer.status_code == 412
    assert b"Someone changed this ticket meanwhile" in answer.content
    ticket.refresh_from_db()
    assert ticket.priority == "high"


def test_resolving_and_reopening(browser_for, ana, ticket):
    client = browser_for(ana)
    states = []
    for action in ("resolve", "reopen"):
        client.post(f"/inbox/{ticket.public_id}/{action}/", **HTMX)
        ticket.refresh_from_db()
        states.append(ticket.category)

    assert states == ["solved", "open"]


@pytest.mark.parametrize("field", ["assignee_id", "team_id", "status"])
def test_an_id_that_names_nothing_is_refused(browser_for, ana, ticket, field):
    answer = browser_for(ana).post(f"/inbox/{ticket.public_id}/fields/", {field: "nonsense"}, **HTMX)

    assert answer.status_code == 422
    ticket.refresh_from_db()
    assert ticket.version == 2


def test_a_key_is_shown_once_and_can_be_revoked(browser_for, ada, in_acme):
    client = browser_for(ada)
    made = client.post("/settings/keys/", {"name": "Shop", "lifetime": "30"})
    key = ApiKey.objects.get(name="Shop")
    shown_again = client.get("/settings/keys/").content
    clear_text = re.search(r'id="new-key">([^<]+)<', made.content.decode())[1]

    client.post(f"/settings/keys/{key.public_id}/revoke/")

    assert made.status_code == 201
    assert clear_text.encode() not in shown_again
    assert not ApiKey.objects.filter(name="Shop").exists()


def test_a_key_without_a_name_is_refused_beside_the_field(browser_for, ada):
    answer = browser_for(ada).post("/settings/keys/", {"name": " ", "lifetime": ""})

    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content


def test_settings_of_a_user_are_saved_and_spoken(browser_for, ana, in_acme):
    client = browser_for(ana)
    client.post("/me/", {"name": "Ana R.", "language": "pt-br", "theme": "dark", "time_zone": "America/Sao_Paulo"})

    page = client.get("/me/").content.decode()

    assert '<html lang="pt-br" data-theme="dark"' in page
    assert "Suas preferências" in page


def test_wrong_settings_change_nothing(browser_for, ana, in_acme):
    answer = browser_for(ana).post("/me/", {"name": "", "language": "xx", "theme": "pink", "time_zone": "Mars/Base"})

    ana.refresh_from_db()
    assert answer.status_code == 422
    assert (ana.name, ana.language, ana.theme) != ("", "xx", "pink")


def test_signing_in_leads_to_the_wanted_page_of_the_same_host_only(client_for, acme, ana):
    answers = [
        client_for(None, acme).post("/sign-in/", {"email": "ana@acme.example", "password": PASSWORD, "next": target})["Location"]
        for target in ("/inbox/v/done/", "https://evil.example/", "//evil.example")
    ]

    assert answers == ["/inbox/v/done/", "/inbox/", "/inbox/"]


def test_a_wrong_password_says_no_more_than_that(client_for, acme):
    answer = client_for(None, acme).post("/sign-in/", {"email": "ana@acme.example", "password": "wrong"})

    assert answer.status_code == 401
    assert b"E-mail or password is wrong." in answer.content


def test_an_invitation_works_once(client_for, acme, in_acme):
    path = f"/invitations/{token_of(accounts.invite(email='new@acme.example', role='agent'))}/"
    form = client_for(None, acme).get(path)
    weak = client_for(None, acme).post(path, {"name": "Nia", "password": "short"})
    client = client_for(None, acme)
    taken = client.post(path, {"name": "Nia", "password": "a-long-enough-one"})
    again = client_for(None, acme).get(path)

    assert (form.status_code, weak.status_code, taken.status_code, again.status_code) == (200, 422, 302, 409)
    assert client.get("/inbox/").status_code == 200
    assert User.objects.get(email="new@acme.example").name == "Nia"


def test_a_forged_invitation_is_404(client_for, acme):
    assert client_for(None, acme).get("/invitations/00000000000000000000000000000000forged/").status_code == 404

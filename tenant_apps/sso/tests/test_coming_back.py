"""The browser's way there and back: where it may lead, whose it is, and what strangers learn."""

import datetime
import time
import uuid

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.test import Client
from kernel import crypto, tenancy
from shared_apps.accounts import second_step
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import Invitation
from shared_apps.accounts.services.invitations import token_of
from shared_apps.audit.models import AuditEntry

from tenant_apps.sso.models import Attempt, Connection
from tenant_apps.sso.tests.factories import connection, is_signed_in, make_owner, sign_in, start, without_form_tokens


@pytest.fixture
def open_connection(signer, ada, in_acme):
    signer.claims = {"email": "ana@acme.example", "email_verified": True}
    return connection(ada, signer)


def entry():
    return AuditEntry.objects.filter(action="sso.refuse").latest("n")


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        " //evil.example",
        "http://acme.localhost@evil.example/",
        "http://globex.localhost/inbox/",
    ],
)
def test_b08_a_return_elsewhere_leads_home(open_connection, signer, browser, wanted):
    answer = sign_in(browser, open_connection, signer, next=wanted)

    assert (answer.status_code, answer["Location"], is_signed_in(browser)) == (302, "/inbox/", True)


def test_b08_a_return_to_ones_own_page_leads_there(open_connection, signer, browser):
    assert sign_in(browser, open_connection, signer, next="/settings/roles/?x=1")["Location"] == "/settings/roles/?x=1"


@pytest.mark.parametrize("wanted", ["//evil.example/x", "/%5Cevil.example", "/%09/evil.example"])
def test_b23_who_is_signed_in_already_is_sent_nowhere_else(open_connection, browser_for, ana, wanted):
    answer = browser_for(ana).get(f"/sso/{open_connection.public_id}/start?next={wanted}")

    assert answer.status_code == 302
    assert not answer["Location"].startswith(("//", "/\\", "http"))


@pytest.mark.parametrize(
    "name", ["HTTP_REMOTE_USER", "HTTP_X_REMOTE_USER", "HTTP_X_FORWARDED_USER", "HTTP_X_FORWARDED_EMAIL", "REMOTE_USER"]
)
def test_b09_headers_that_claim_to_be_a_sign_in_are_ignored(open_connection, ana, acme, name):
    browser = Client(HTTP_HOST=acme.host, **{name: ana.email})

    page = browser.get("/me/")
    api = browser.get("/api/v1/profile", HTTP_ACCEPT="application/json")
    back = browser.get("/sso/callback")

    assert (page.status_code, api.status_code, back.status_code) == (302, 401, 401)
    assert not is_signed_in(browser)


def test_b22_the_return_address_is_the_tenants_own_whatever_host_is_sent(open_connection, signer, acme):
    browser = Client(HTTP_HOST=acme.host, HTTP_X_FORWARDED_HOST="evil.example")

    address = start(browser, open_connection)

    assert "redirect_uri=http%3A%2F%2Facme.localhost%3A8000%2Fsso%2Fcallback&" in address


def test_b24_the_session_gets_a_fresh_key(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    before = browser.cookies[settings.SESSION_COOKIE_NAME].value

    browser.get("/sso/callback", query)

    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != before
    browser.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_signed_in(browser)


def test_what_one_browser_began_another_cannot_end(open_connection, signer, browser, acme):
    """An attacker's answer, opened by a victim, must not sign the victim in as the attacker."""
    query = signer.authorize(start(browser, open_connection))
    victim = Client(HTTP_HOST=acme.host)

    for other in (victim, Client(HTTP_HOST=acme.host)):
        if other is not victim:
            start(other, open_connection)  # a browser with a session and an attempt of its own
        answer = other.get("/sso/callback", query)
        assert (answer.status_code, is_signed_in(other), entry().changes["cause"][1]) == (401, False, "state-unknown")

    assert browser.get("/sso/callback", query).status_code == 302, "and the owner of the attempt still can"


def test_an_attempt_is_good_for_ten_minutes(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10, seconds=1)):
        answer = browser.get("/sso/callback", query)

    assert (answer.status_code, is_signed_in(browser)) == (401, False)


def test_old_attempts_are_forgotten(open_connection, browser):
    start(browser, open_connection)
    Attempt.objects.update(created_at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2))

    start(browser, open_connection)

    assert Attempt.objects.count() == 1


def test_state_of_one_tenant_at_another(open_connection, signer, browser, globex, acme):
    query = signer.authorize(start(browser, open_connection))
    foreign = Client(HTTP_HOST=globex.host, HTTP_X_REQUEST_ID="the-same")
    foreign.cookies[settings.SESSION_COOKIE_NAME] = browser.cookies[settings.SESSION_COOKIE_NAME].value

    crossed = foreign.get("/sso/callback", query)
    random = foreign.get("/sso/callback", {**query, "state": "x" * len(query["state"])})

    assert (crossed.status_code, without_form_tokens(crossed.content)) == (random.status_code, without_form_tokens(random.content))
    assert crossed.status_code == 401
    assert "/token" not in signer.asked


def test_a_connection_of_one_tenant_at_another(open_connection, browser_for, client_for, rui, globex, ada):
    make_admin_of_globex(rui, globex)
    stranger, api = Client(HTTP_HOST=globex.host, HTTP_X_REQUEST_ID="the-same"), client_for(rui)
    crossed, random = open_connection.public_id, uuid.uuid4()

    pages = [stranger.get(f"/sso/{one}/start") for one in (crossed, random)]
    reads = [api.send("GET", f"/api/v1/sso/connections/{one}", X_Request_Id="the-same") for one in (crossed, random)]

    assert [answer.status_code for answer in (*pages, *reads)] == [404] * 4
    assert without_form_tokens(pages[0].content) == without_form_tokens(pages[1].content)
    assert reads[0].json()["title"] == reads[1].json()["title"]
    for change in ("PATCH", "DELETE"):
        assert api.send(change, f"/api/v1/sso/connections/{crossed}", {}).status_code == 404
    with tenancy.tenant_scope(globex):
        assert Connection.objects.count() == 0


def make_admin_of_globex(user, globex):
    with tenancy.tenant_scope(globex):
        make_owner(user)


@pytest.mark.parametrize("state", ["draft", "tested"])
def test_a_connection_that_is_not_on_looks_like_none(open_connection, browser, signer, state):
    Connection.objects.update(state=state)

    answer = browser.get(f"/sso/{open_connection.public_id}/start")

    assert (answer.status_code, signer.asked) == (404, [])
    assert str(open_connection.public_id) not in browser.get("/sign-in/").content.decode()


def test_a_connection_switched_off_on_the_way_signs_nobody_in(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    Connection.objects.update(state="tested")

    answer = browser.get("/sso/callback", query)

    assert (answer.status_code, is_signed_in(browser), entry().changes["cause"][1]) == (401, False, "connection-changed")


def test_a_connection_changed_on_the_way_signs_nobody_in(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    Connection.objects.update(configuration=2)

    assert (browser.get("/sso/callback", query).status_code, is_signed_in(browser)) == (401, False)


def test_an_error_of_the_provider_is_a_page_with_a_code_for_the_admin(open_connection, signer, browser, browser_for, ada):
    query = signer.authorize(start(browser, open_connection))

    answer = browser.get("/sso/callback", {"state": query["state"], "error": "access_denied", "error_description": "<script>x</script>"})

    reference = entry().changes["reference"][1]
    page = answer.content.decode()
    assert (answer.status_code, entry().changes["cause"][1], len(reference) > 8) == (401, "provider-said-access_denied", True)
    assert reference in page
    assert entry().request_id == reference
    assert "access_denied" not in page
    assert "<script>x" not in page
    assert reference in browser_for(ada).get(f"/settings/sso/{open_connection.public_id}/").content.decode()


def test_an_error_that_is_no_word_is_not_kept(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))

    browser.get("/sso/callback", {"state": query["state"], "error": "Somebody <b>wrote</b> this"})

    assert entry().changes["cause"][1] == "provider-error"


def test_every_refusal_looks_the_same_to_a_stranger(open_connection, signer, acme):
    causes, pages = set(), set()
    for claims in ({"aud": "x"}, {"email": "new@acme.example"}, {"email": "x@another.example"}, {"email_verified": False}):
        browser = Client(HTTP_HOST=acme.host, HTTP_X_REQUEST_ID="the-same")
        signer.claims = {"email": "ana@acme.example", "email_verified": True, **claims}
        pages.add(without_form_tokens(sign_in(browser, open_connection, signer).content))
        causes.add(entry().changes["cause"][1])

    assert len(pages) == 1
    assert causes == {"token-audience", "not-a-member", "domain-not-proven", "email-unverified"}


def test_a_second_step_is_still_asked_for_unless_the_provider_is_trusted_with_it(open_connection, signer, acme, ana):
    secret, enrolment = second_step.begin(ana)
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30 - 1))
    accounts.enable_second_step(user=ana, password="atende-demo", enrolment=enrolment, code=code)
    Invitation.objects.create(email=ana.email, role="agent", used_at=ana.created_at, expires_at=ana.created_at)
    first, second = Client(HTTP_HOST=acme.host), Client(HTTP_HOST=acme.host)

    waiting = sign_in(first, open_connection, signer)
    assert (waiting["Location"], is_signed_in(first)) == ("/sign-in/code/", False)
    assert first.post("/sign-in/code/", {"code": format_hotp_value(hotp_value(secret, int(time.time()) // 30))}).status_code == 302
    assert is_signed_in(first)

    Connection.objects.update(is_second_step_trusted=True)
    assert sign_in(second, open_connection, signer)["Location"] == "/inbox/"
    assert is_signed_in(second)


def test_starts_and_returns_are_limited_by_address(open_connection, browser, signer):
    starts = [browser.get(f"/sso/{uuid.uuid4()}/start").status_code for _ in range(32)]
    returns = [browser.get("/sso/callback", {"state": str(number)}).status_code for number in range(32)]

    assert (starts.count(404), starts.count(429)) == (30, 2)
    assert (returns.count(401), returns.count(429)) == (30, 2)


def test_an_invitation_leads_to_the_provider_where_it_is_the_only_way_in(open_connection, acme, browser):
    Connection.objects.update(state="enforced")
    invitation = accounts.invite(email="new@acme.example", role="agent")

    answer = browser.post(f"/invitations/{token_of(invitation)}/", {"name": "New", "password": "a-long-enough-phrase"})

    assert (answer.status_code, answer["Location"], is_signed_in(browser)) == (302, "/sign-in/", False)


def test_what_is_kept_of_an_attempt_is_sealed(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    row = Attempt.objects.get()

    assert query["state"] not in (row.state_digest, row.sealed)
    assert row.state_digest == crypto.digest(query["state"])
    with pytest.raises(crypto.SealBroken):
        crypto.unseal(row.sealed, context="sso-attempt:another")

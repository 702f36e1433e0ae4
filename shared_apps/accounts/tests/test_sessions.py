"""The browsers that are signed in. Attack cases B23 and B24 among them."""

import dataclasses
import datetime

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from kernel import tenancy
from kernel.clock import now

from shared_apps.accounts import services
from shared_apps.accounts.devices import device_of
from shared_apps.accounts.models import User, UserSession
from shared_apps.accounts.selectors import sessions_of, user_of_session
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)


def sign_in(tenant, email, *, agent=FIREFOX):
    client = Client(HTTP_HOST=tenant.host, HTTP_USER_AGENT=agent)
    assert client.post("/sign-in/", {"email": email, "password": PASSWORD}).status_code == 302
    return client


def key_of(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, ("Firefox", "Linux")),
        (SAFARI, ("Safari", "iPhone")),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15", ("Safari", "macOS")),
        ("curl/8.0", ("", "")),
    ],
)
def test_devices_are_recognised(agent, device):
    assert device_of(agent) == device


def test_a_sign_in_is_described_and_audited(acme, ana):
    client = sign_in(acme, ana.email)

    with tenancy.tenant_scope(acme):
        row = sessions_of(ana).get()
        assert (row.user_agent, row.ip) == (FIREFOX, "127.0.0.1")
        assert row.session_digest != key_of(client)
        assert AuditEntry.objects.filter(action="session.open", object_id=row.public_id).count() == 1


def test_last_seen_has_a_grain_of_five_minutes_and_the_end_stays(acme, ana, database):
    client = sign_in(acme, ana.email)
    moments = []
    for minutes in (4, 6):
        with time_machine.travel(now() + datetime.timedelta(minutes=minutes), tick=False):
            client.get("/me/")
        with tenancy.tenant_scope(acme):
            moments.append(sessions_of(ana).get().last_seen_at)

    assert moments[1] - moments[0] > datetime.timedelta(minutes=5)
    with time_machine.travel(now() + datetime.timedelta(days=14, minutes=1), tick=False):
        assert client.get("/me/").status_code == 302


def test_one_browser_is_signed_out_from_another(acme, ana, bea):
    here, there, hers = sign_in(acme, ana.email), sign_in(acme, ana.email, agent=SAFARI), sign_in(acme, bea.email)
    listed = here.get("/api/v1/profile/sessions").json()["results"]
    other = next(one for one in listed if not one["is_current"])

    answer = here.post(f"/me/security/sessions/{other['id']}/end/")

    assert (other["browser"], other["system"], len(listed)) == ("Safari", "iPhone", 2)
    assert answer["Location"] == "/me/security/?done=session"
    assert [one.get("/me/").status_code for one in (here, there, hers)] == [200, 302, 200]
    with tenancy.tenant_scope(acme):
        assert user_of_session(key_of(there)) is None
        assert user_of_session(key_of(here)) == ana


def test_all_others_are_signed_out(acme, ana, bea):
    here, there, hers = sign_in(acme, ana.email), sign_in(acme, ana.email), sign_in(acme, bea.email)

    assert here.post("/me/security/sessions/end/").status_code == 302

    assert [one.get("/me/").status_code for one in (here, there, hers)] == [200, 302, 200]


def test_the_api_ends_sessions(acme, ana, client_for):
    browser, client = sign_in(acme, ana.email), client_for(ana)
    listed = client.get("/api/v1/profile/sessions").json()["results"]

    ended = client.delete(f"/api/v1/profile/sessions/{listed[0]['id']}")
    again = client.delete(f"/api/v1/profile/sessions/{listed[0]['id']}")

    assert (ended.status_code, again.status_code, browser.get("/me/").status_code) == (204, 404, 302)
    assert client.delete("/api/v1/profile/sessions").status_code == 204


def test_a_colleagues_session_is_not_there(acme, ana, bea):
    hers, here = sign_in(acme, bea.email), sign_in(acme, ana.email)
    with tenancy.tenant_scope(acme):
        row = sessions_of(bea).get()

    assert here.post(f"/me/security/sessions/{row.public_id}/end/").status_code == 404
    assert hers.get("/me/").status_code == 200


def test_a_tenant_that_is_being_moved_is_only_read(acme, ana, database):
    with tenancy.tenant_scope(acme):
        session = SessionStore()
        session.create()
    with tenancy.tenant_scope(dataclasses.replace(acme, state="moving")):
        services.see_session(user=ana, session=session)

    with tenancy.tenant_scope(acme):
        assert UserSession.objects.count() == 0
        services.see_session(user=ana, session=session)
        assert UserSession.objects.count() == 1


def test_what_is_over_is_forgotten(acme, ana, database):
    kept, gone = sign_in(acme, ana.email), sign_in(acme, ana.email)
    gone.post("/sign-out/")

    with tenancy.tenant_scope(acme):
        assert services.forget_ended_sessions() == 1
        assert UserSession.objects.count() == 1
    assert kept.get("/me/").status_code == 200


# --- attack cases ------------------------------------------------------------------------------------------------------
def test_b24_the_session_id_of_before_is_worth_nothing(acme, ana):
    victim = Client(HTTP_HOST=acme.host)
    with tenancy.tenant_scope(acme):
        planted = victim.session
        planted["x"] = 1
        planted.save()
    victim.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key

    victim.post("/sign-in/", {"email": ana.email, "password": PASSWORD})

    attacker = Client(HTTP_HOST=acme.host)
    attacker.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key
    assert key_of(victim) != planted.session_key
    assert (attacker.get("/api/v1/profile").status_code, victim.get("/api/v1/profile").status_code) == (401, 200)


def test_b24_the_session_id_rotates_with_the_password(acme, ana):
    browser = sign_in(acme, ana.email)
    before = key_of(browser)

    browser.post("/me/security/password/", {"current_password": PASSWORD, "password": "a wholly new phrase"})

    old = Client(HTTP_HOST=acme.host)
    old.cookies[settings.SESSION_COOKIE_NAME] = before
    assert key_of(browser) != before
    assert (old.get("/api/v1/profile").status_code, browser.get("/api/v1/profile").status_code) == (401, 200)
    with tenancy.tenant_scope(acme):
        assert sessions_of(User.objects.get(pk=ana.pk)).count() == 1


@pytest.mark.parametrize(
    "address",
    ["//evil.example/x", "/%5Cevil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "javascript:alert(1)"],
)
def test_b23_a_sign_in_never_leads_off_the_site(acme, ana, address):
    client = Client(HTTP_HOST=acme.host)

    answer = client.post("/sign-in/", {"email": ana.email, "password": PASSWORD, "next": address})

    location = answer["Location"]
    assert answer.status_code == 302
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\", "/\t"))


@pytest.mark.parametrize("address", ["//evil.example/x", "/%5Cevil.example/", "/%09/evil.example/"])
def test_b23_no_path_redirects_off_the_site(acme, ana, address):
    for client in (Client(HTTP_HOST=acme.host), sign_in(acme, ana.email)):
        answer = client.generic("GET", address)
        assert not answer.headers.get("Location", "/x").startswith(("//", "http", "/\\"))

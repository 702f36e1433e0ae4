"""Passkeys: added, shown at sign-in and as a second step, and every way in which one may not fit. Attack case B12 among them."""

import datetime

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from kernel import tenancy
from kernel.clock import now

from shared_apps.accounts import second_step, services
from shared_apps.accounts.models import AccountMail, MailKind
from shared_apps.accounts.selectors import sessions_of
from shared_apps.accounts.tests.device import USER_PRESENT, Device
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"
JSON = {"content_type": "application/json"}


def origin_of(tenant):
    return f"{settings.ATENDE_PUBLIC_SCHEME}://{tenant.host}"


def add(client, tenant, device=None, **lies):
    device = device or Device(origin_of(tenant))
    options = client.post("/api/v1/profile/passkeys/options").json()
    return device, client.post("/api/v1/profile/passkeys", {"name": "Laptop", "credential": device.add(options, **lies)}, **JSON)


def begin(client):
    return client.post("/api/v1/sign-in/passkey-options").json()


def finish(client, answer):
    return client.post("/api/v1/sign-in/passkey", {"credential": answer}, **JSON)


@pytest.fixture
def held(acme, ana, browser_for):
    """Ana's passkey and her recovery codes."""
    device, answer = add(browser_for(ana), acme)
    assert answer.status_code == 201, answer.content
    return device, answer.json()["recovery_codes"]


def test_a_passkey_signs_in_by_itself(acme, ana, held):
    client = Client(HTTP_HOST=acme.host)
    answer = finish(client, held[0].show(begin(client)))

    assert (answer.status_code, answer.json()["state"], client.get("/me/").status_code) == (200, "signed_in", 200)
    with tenancy.tenant_scope(acme):
        assert AuditEntry.objects.filter(action="session.open").latest("n").changes == {"way": [None, "passkey"]}
        assert sessions_of(ana).count() == 2, "the browser that added it, and this one"


def test_adding_the_first_gives_recovery_codes_and_tells_the_mailbox(acme, ana, held, browser_for):
    assert len(held[1]) == 10
    _, again = add(browser_for(ana), acme)

    assert again.json()["recovery_codes"] == []
    with tenancy.tenant_scope(acme):
        assert AccountMail.objects.filter(kind=MailKind.SECOND_STEP_CHANGED, user=ana).count() == 2
        assert AuditEntry.objects.filter(action="passkey.add").count() == 2


def test_the_password_then_asks_for_it(acme, ana, held):
    client = Client(HTTP_HOST=acme.host)
    first = client.post("/api/v1/sign-in", {"email": ana.email, "password": PASSWORD}, **JSON)

    assert (first.json()["state"], first.json()["ways"]) == ("second_step_needed", ["code", "passkey"])
    assert client.get("/api/v1/profile").status_code == 401
    assert finish(client, held[0].show(begin(client))).status_code == 200
    assert client.get("/api/v1/profile").status_code == 200


def test_a_recovery_code_stands_in_for_a_passkey(acme, ana, held):
    client = Client(HTTP_HOST=acme.host)
    client.post("/sign-in/", {"email": ana.email, "password": PASSWORD})

    assert client.post("/sign-in/code/", {"code": held[1][0]}).status_code == 302
    assert client.get("/me/").status_code == 200


def test_b12_a_challenge_works_once(acme, ana, browser_for):
    client, device = browser_for(ana), Device(origin_of(acme))
    answer = device.add(client.post("/api/v1/profile/passkeys/options").json())
    body = {"name": "Laptop", "credential": answer}

    assert client.post("/api/v1/profile/passkeys", body, **JSON).status_code == 201
    assert client.post("/api/v1/profile/passkeys", body, **JSON).status_code == 422
    client.post("/api/v1/profile/passkeys/options")
    assert client.post("/api/v1/profile/passkeys", body, **JSON).status_code == 422
    with tenancy.tenant_scope(acme):
        assert Authenticator.objects.filter(type="webauthn").count() == 1


def test_b12_an_assertion_works_once_and_not_in_another_browser(acme, held):
    client, other = Client(HTTP_HOST=acme.host), Client(HTTP_HOST=acme.host)
    shown = held[0].show(begin(client))
    begin(other)

    assert finish(other, shown).status_code == 401
    assert finish(client, shown).status_code == 200
    client.post("/sign-out/")
    assert finish(client, shown).status_code == 401


def test_a_challenge_does_not_wait_for_ever(acme, held):
    client = Client(HTTP_HOST=acme.host)
    shown = held[0].show(begin(client))

    with time_machine.travel(now() + datetime.timedelta(minutes=11), tick=False):
        assert finish(client, shown).status_code == 401


@pytest.mark.parametrize(
    "lie", [{"flags": USER_PRESENT}, {"flags": 0}, {"origin": "https://evil.example"}, {"origin": "http://x.acme.localhost"}]
)
def test_what_does_not_fit_adds_nothing(acme, ana, browser_for, lie):
    _, answer = add(browser_for(ana), acme, **lie)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/credential")
    with tenancy.tenant_scope(acme):
        assert not second_step.is_enabled(ana)


@pytest.mark.parametrize("lie", [{"flags": USER_PRESENT}, {"flags": 0}, {"origin": "https://evil.example"}])
def test_what_does_not_fit_signs_nobody_in(acme, held, lie):
    client = Client(HTTP_HOST=acme.host)

    assert finish(client, held[0].show(begin(client), **lie)).status_code == 401
    assert client.get("/me/").status_code == 302


@pytest.mark.parametrize("forged", [{}, {"id": "x"}, {"response": {}}, {"response": {"userHandle": "!!"}}, [], "text", None])
def test_rubbish_is_refused(acme, held, forged):
    client = Client(HTTP_HOST=acme.host)
    begin(client)

    assert finish(client, forged).status_code in {401, 422}


def test_another_key_under_the_same_name_signs_nobody_in(acme, held):
    thief = Device(origin_of(acme))
    thief.credential_id, thief.user_handle = held[0].credential_id, held[0].user_handle
    client = Client(HTTP_HOST=acme.host)

    assert finish(client, thief.show(begin(client))).status_code == 401


def test_it_is_nothing_to_another_tenant(acme, globex, held):
    held[0].origin, held[0].rp_id = origin_of(globex), globex.host.split(":")[0]
    client = Client(HTTP_HOST=globex.host)

    assert finish(client, held[0].show(begin(client))).status_code == 401


def test_a_deactivated_user_has_no_passkey(acme, ana, held):
    with tenancy.tenant_scope(acme):
        services.deactivate_user(user=ana)
    client = Client(HTTP_HOST=acme.host)

    assert finish(client, held[0].show(begin(client))).status_code == 401


def test_removing_the_last_one_ends_the_second_step(acme, ana, held, browser_for):
    client = browser_for(ana)
    (row,) = client.get("/api/v1/profile/passkeys").json()["results"]

    assert client.delete(f"/api/v1/profile/passkeys/{row['id']}").status_code == 204
    with tenancy.tenant_scope(acme):
        assert not second_step.is_enabled(ana)
        assert second_step.recovery_codes_left(ana) == 0


def test_nobody_sees_or_removes_a_colleagues(acme, ana, held, browser_for, bea):
    (row,) = browser_for(ana).get("/api/v1/profile/passkeys").json()["results"]
    other = browser_for(bea)

    assert other.get("/api/v1/profile/passkeys").json() == {"results": []}
    assert other.delete(f"/api/v1/profile/passkeys/{row['id']}").status_code == 404
    assert other.patch(f"/api/v1/profile/passkeys/{row['id']}", {"name": "mine"}, **JSON).status_code == 404


def test_a_key_makes_none(acme, api_client):
    assert api_client.post_json("/api/v1/profile/passkeys/options", {}).status_code == 409


def test_the_pages_show_and_remove(acme, ana, held, browser_for):
    client = browser_for(ana)
    page = client.get("/me/security/").content.decode()
    (row,) = client.get("/api/v1/profile/passkeys").json()["results"]

    assert "Laptop" in page
    assert client.get("/me/security/passkeys/new/").status_code == 200
    assert client.post("/me/security/passkeys/new/", {"name": "X", "credential": "{}"}).status_code == 422
    assert client.post(f"/me/security/passkeys/{row['id']}/remove/").status_code == 302
    assert "No passkey yet" in client.get("/me/security/").content.decode()

"""Showing again that it is oneself: what wants it, what counts, and that nothing typed is lost on the way."""

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from kernel import tenancy
from tenant_apps.access.models import CustomRole

from shared_apps.accounts.models import ApiKey
from shared_apps.accounts.proofs import FRESH_SECONDS, PROVEN_AT
from shared_apps.accounts.tests.device import Device
from shared_apps.accounts.tests.test_second_step import enrol
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"
JSON = {"content_type": "application/json"}
KEY = {"name": "Sync", "lifetime": "", "access": "all"}


@pytest.fixture
def stale(acme, ada, browser_for):
    """The owner's browser, a while after the sign-in."""
    client = browser_for(ada)
    with tenancy.tenant_scope(acme):
        session = SessionStore(client.cookies[settings.SESSION_COOKIE_NAME].value)
        session[PROVEN_AT] -= FRESH_SECONDS + 1
        session.save()
    return client


def keys_in(tenant):
    with tenancy.tenant_scope(tenant):
        return ApiKey.objects.filter(name="Sync").count()


def test_a_form_is_asked_in_between_and_goes_on_with_what_was_typed(acme, stale):
    asked = stale.post("/settings/keys/", KEY)

    assert asked.status_code == 403
    assert 'name="name" value="Sync"' in asked.content.decode()
    assert keys_in(acme) == 0
    assert stale.post("/settings/keys/", {**KEY, "proof_password": PASSWORD}).status_code == 201
    assert keys_in(acme) == 1
    assert stale.post("/settings/keys/", KEY).status_code == 201, "not asked twice"


def test_a_wrong_password_asks_again_and_changes_nothing(acme, stale):
    answer = stale.post("/settings/keys/", {**KEY, "proof_password": "wrong"})

    assert answer.status_code == 422
    assert 'name="name" value="Sync"' in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert keys_in(acme) == 0


def test_looking_at_the_page_asks_nothing(stale):
    assert stale.get("/settings/keys/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/api/v1/api-keys"),
        ("post", "/api/v1/service-accounts"),
        ("post", "/api/v1/roles"),
        ("patch", "/api/v1/roles/" + "0" * 32),
        ("delete", "/api/v1/roles/" + "0" * 32),
        ("post", "/api/v1/members/00000000-0000-0000-0000-000000000000/roles"),
        ("post", "/api/v1/sso/connections"),
        ("post", "/api/v1/profile/passkeys"),
        ("post", "/api/v1/profile/email-changes"),
    ],
)
def test_the_api_says_what_would_count(acme, stale, method, path):
    answer = getattr(stale, method)(path, {}, **JSON)

    assert (answer.status_code, answer.json()["type"], answer.json()["ways"]) == (403, "/problems/proof-required", ["password"])
    with tenancy.tenant_scope(acme):
        assert not CustomRole.objects.exists()


def test_a_proof_by_api_opens_what_was_closed(acme, stale, ada):
    body = {"name": "Reader", "description": "", "permissions": [], "visibility": "all"}

    assert stale.put("/api/v1/profile/proof", {"password": "wrong"}, **JSON).status_code == 422
    assert stale.get("/api/v1/profile/proof").json() == {"is_fresh": False, "ways": ["password"]}
    assert stale.put("/api/v1/profile/proof", {"password": PASSWORD}, **JSON).status_code == 204
    assert stale.get("/api/v1/profile/proof").json()["is_fresh"] is True
    assert stale.post("/api/v1/roles", body, **JSON, HTTP_IDEMPOTENCY_KEY="one").status_code == 201
    with tenancy.tenant_scope(acme):
        entry = AuditEntry.objects.get(action="session.prove")
        assert (entry.object_id, entry.changes) == (ada.public_id, {"way": [None, "password"]})


def test_with_a_second_step_the_password_is_not_enough(acme, stale, ada):
    with tenancy.tenant_scope(acme):
        _, codes = enrol(ada)

    assert stale.get("/api/v1/profile/proof").json()["ways"] == ["code"]
    assert stale.put("/api/v1/profile/proof", {"password": PASSWORD}, **JSON).status_code == 422
    assert stale.post("/settings/keys/", {**KEY, "proof_password": PASSWORD}).status_code == 422
    assert stale.put("/api/v1/profile/proof", {"code": codes[0]}, **JSON).status_code == 204


def test_a_passkey_counts(acme, stale, ada, browser_for):
    fresh, device = browser_for(ada), Device(f"{settings.ATENDE_PUBLIC_SCHEME}://{acme.host}")
    made = device.add(fresh.post("/api/v1/profile/passkeys/options").json())
    assert fresh.post("/api/v1/profile/passkeys", {"name": "Laptop", "credential": made}, **JSON).status_code == 201

    shown = device.show(stale.post("/api/v1/profile/proof/options").json())

    assert stale.put("/api/v1/profile/proof", {"credential": shown}, **JSON).status_code == 204
    assert stale.put("/api/v1/profile/proof", {"credential": shown}, **JSON).status_code == 401, "once"
    assert stale.get("/api/v1/profile/proof").json()["is_fresh"] is True


def test_a_key_shows_nothing_and_is_not_asked(acme, ada, client_for):
    client = client_for(ada)

    assert client.post_json("/api/v1/api-keys", {"name": "Sync"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    answer = client.send("PUT", "/api/v1/profile/proof", {"password": PASSWORD})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/browser-needed")


def test_the_page_leads_to_a_page_of_this_host_alone(stale):
    assert 'value="/settings/keys/"' in stale.get("/step-up/?next=/settings/keys/").content.decode()
    assert "evil" not in stale.get("/step-up/?next=https://evil.example/").content.decode()
    answer = stale.post("/step-up/", {"next": "//evil.example", "proof_password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")


def test_operators_have_a_second_step_too(operator, browser_for):
    client = browser_for(operator)
    with tenancy.public_scope():
        _, codes = enrol(operator)
    assert "Authenticator app" in client.get("/operator/security/").content.decode()
    client.cookies.clear()

    first = client.post("/sign-in/", {"email": operator.email, "password": PASSWORD})
    assert (first.status_code, first["Location"]) == (302, "/sign-in/code/")
    assert client.get("/operator/tenants/").status_code == 302
    assert client.post("/sign-in/code/", {"code": codes[0]}).status_code == 302
    assert client.get("/operator/tenants/").status_code == 200

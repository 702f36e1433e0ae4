"""The whole way against a provider that is not ours: set up by the API, tested, switched on, used, enforced."""

import httpx
import pytest
from django.test import Client
from kernel import tenancy
from oidc_provider_mock import run_server_in_thread
from shared_apps.accounts.models import User
from shared_apps.audit.models import AuditEntry

from tenant_apps.access.models import RoleAssignment
from tenant_apps.sso.models import Connection, Identity
from tenant_apps.sso.tests.factories import is_signed_in, make_owner, without_form_tokens

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider's own libraries
CONNECTIONS = "/api/v1/sso/connections"


@pytest.fixture
def provider(settings):
    """oidc-provider-mock on a free port; its people are put in by HTTP."""
    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        settings.ATENDE_FETCH_ALLOW = [issuer]
        yield issuer


def put_person(provider, subject, **claims):
    httpx.put(f"{provider}/users/{subject}", json=claims).raise_for_status()


def agree(address, subject):
    """A person at the provider agrees; returns the address that their browser is sent back to, on our host."""
    answer = httpx.post(address, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    path = httpx.URL(answer.headers["Location"])
    return path.path + "?" + path.query.decode()


def roles_of(user):
    return list(RoleAssignment.objects.filter(user=user).order_by("role").values_list("role", flat=True))


def password_in(acme, email):
    browser = Client(HTTP_HOST=acme.host)
    answer = browser.post("/sign-in/", {"email": email, "password": "atende-demo"})
    return answer.status_code, is_signed_in(browser)


def test_from_the_set_up_to_the_only_way_in(provider, names, client_for, browser_for, ada, ana, acme, in_acme):
    make_owner(ada)
    api, admin = client_for(ada), browser_for(ada)
    body = {
        "name": "Company log-in",
        "issuer": provider,
        "client_id": "atende",
        "client_secret": "a-secret-of-the-client",
        "is_creating_users": True,
        "group_claim": "groups",
        "group_roles": [{"group": "readers", "role": "viewer"}, {"group": "writers", "role": "agent"}],
    }
    made = api.post_json(CONNECTIONS, body)
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    one = f"{CONNECTIONS}/{made.json()['id']}"

    domain = api.post_json(f"{one}/domains", {"domain": "bikes.example"}).json()
    early = api.post_json(f"{one}/domains/{domain['id']}/verification")
    names.records["bikes.example"] = ["v=spf1 -all", domain["txt_record"]]
    proven = api.post_json(f"{one}/domains/{domain['id']}/verification")
    assert (early.status_code, early.json()["type"]) == (409, "/problems/sso-domain-not-proven")
    assert (proven.status_code, proven.json()["verified_at"] is not None) == (200, True)

    refused = api.put_json(f"{one}/state", {"state": "enabled"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/sso-not-tested")

    put_person(provider, "s-1", email="mia@bikes.example", email_verified=True, name="Mia Moor", groups=["readers"])
    address = api.post_json(f"{one}/test").json()["url"].removeprefix("http://acme.localhost:8000")
    tested = admin.get(agree(admin.get(address)["Location"], "s-1"))
    assert (tested.status_code, tested["Location"]) == (302, f"/settings/sso/{made.json()['id']}/?done=tested")
    shown = api.get(one).json()
    assert (shown["state"], shown["last_test"]["email"], shown["last_test"]["roles"]) == ("tested", "mia@bikes.example", ["viewer"])
    assert shown["last_test"]["claims"]["groups"] == ["readers"]
    assert "nonce" not in shown["last_test"]["claims"]
    assert not User.objects.filter(email="mia@bikes.example").exists()

    assert api.put_json(f"{one}/state", {"state": "enabled"}).json()["state"] == "enabled"
    browser = Client(HTTP_HOST=acme.host)
    start = f"/sso/{made.json()['id']}/start"
    assert start in browser.get("/sign-in/").content.decode()
    back = browser.get(agree(browser.get(start, {"next": "/settings/roles/"})["Location"], "s-1"))
    mia = User.objects.get(email="mia@bikes.example")
    assert (back.status_code, back["Location"], is_signed_in(browser)) == (302, "/settings/roles/", True)
    assert (mia.name, roles_of(mia), mia.has_usable_password()) == ("Mia Moor", ["viewer"], False)
    assert AuditEntry.objects.filter(action="session.open", changes__way=[None, "sso"]).count() == 1

    put_person(provider, "s-1", email="mia@bikes.example", email_verified=True, name="Mia Moor", groups=["writers"])
    again = Client(HTTP_HOST=acme.host)
    again.get(agree(again.get(start)["Location"], "s-1"))
    assert roles_of(mia) == ["agent"]
    assert Identity.objects.filter(user=mia).count() == 1

    assert password_in(acme, ana.email) == (302, True)
    assert api.put_json(f"{one}/state", {"state": "enforced"}).json()["state"] == "enforced"
    assert password_in(acme, ana.email) == (401, False)
    assert password_in(acme, ada.email) == (302, True)
    assert list(AuditEntry.objects.filter(action="sso.break_glass").values_list("object_id", flat=True)) == [ada.public_id]
    assert AuditEntry.objects.filter(action="sso.refuse", object_id=ana.public_id, outcome="refused").count() == 1
    assert "Owner sign-in" in Client(HTTP_HOST=acme.host).get("/sign-in/").content.decode()
    third = Client(HTTP_HOST=acme.host)
    third.get(agree(third.get(start)["Location"], "s-1"))
    assert is_signed_in(third)


def test_a_wrong_password_and_a_right_one_that_is_not_taken_look_the_same(provider, client_for, ada, ana, acme, in_acme):
    make_owner(ada)
    Connection.objects.create(name="x", issuer=provider, client_id="x", state="enforced")
    browser = Client(HTTP_HOST=acme.host)

    answers = [
        browser.post("/sign-in/", {"email": ana.email, "password": password}, HTTP_ACCEPT="text/html")
        for password in ("atende-demo", "a-wrong-password")
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    first, second = (without_form_tokens(answer.content) for answer in answers)
    assert first == second


def test_operators_sign_in_whatever_tenants_enforce(operator):
    browser = Client(HTTP_HOST="localhost")

    answer = browser.post("/sign-in/", {"email": operator.email, "password": "atende-demo"})

    assert answer.status_code == 302
    with tenancy.public_scope():
        assert User.objects.get(pk=operator.pk).last_login is not None

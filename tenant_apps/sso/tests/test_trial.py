"""Test sign-ins: who may make one, and that they change nothing but what is known of the connection."""

from shared_apps.accounts.models import User

from tenant_apps.sso.models import Connection
from tenant_apps.sso.tests.factories import connection


def test_a_test_needs_somebody_who_may_set_up_sign_on(signer, ada, ana, browser, browser_for, client_for, in_acme):
    found = connection(ada, signer, state="draft")
    path = (
        client_for(ada)
        .post_json(f"/api/v1/sso/connections/{found.public_id}/test")
        .json()["url"]
        .removeprefix("http://acme.localhost:8000")
    )

    assert (browser.get(path).status_code, browser_for(ana).get(path).status_code) == (404, 404)
    assert browser_for(ada).get(path[:-2]).status_code == 404
    Connection.objects.update(configuration=2)
    assert browser_for(ada).get(path).status_code == 404, "of a connection that is another one now"


def test_a_failed_test_says_why_and_leaves_a_draft(signer, ada, browser_for, client_for, in_acme):
    found = connection(ada, signer, state="draft")
    signer.claims = {"aud": "another-client"}
    path = (
        client_for(ada)
        .post_json(f"/api/v1/sso/connections/{found.public_id}/test")
        .json()["url"]
        .removeprefix("http://acme.localhost:8000")
    )
    admin = browser_for(ada)

    answer = admin.get("/sso/callback", signer.authorize(admin.get(path)["Location"]))

    found.refresh_from_db()
    assert (answer.status_code, "token-audience" in answer.content.decode()) == (401, True)
    assert (found.state, found.last_test["is_passed"], found.last_test["cause"]) == ("draft", False, "token-audience")


def test_a_test_signs_nobody_in_and_links_nobody(signer, ada, browser_for, client_for, in_acme):
    found = connection(ada, signer, state="draft", is_creating_users=True, default_role="agent")
    signer.claims = {"email": "new@acme.example", "email_verified": True}
    path = (
        client_for(ada)
        .post_json(f"/api/v1/sso/connections/{found.public_id}/test")
        .json()["url"]
        .removeprefix("http://acme.localhost:8000")
    )
    admin = browser_for(ada)
    before = User.objects.count()

    admin.get("/sso/callback", signer.authorize(admin.get(path)["Location"]))

    found.refresh_from_db()
    assert (found.state, User.objects.count(), found.identities.count()) == ("tested", before, 0)
    assert "ada@acme.example" in admin.get("/me/").content.decode()

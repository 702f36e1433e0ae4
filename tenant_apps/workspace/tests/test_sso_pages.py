"""The settings pages of single sign-on, and the buttons of the sign-in page."""

import html

import pytest
from django.test import Client
from shared_apps.accounts.models import User

from tenant_apps.organization.models import Team
from tenant_apps.sso.models import Connection, ConnectionDomain, GroupRole
from tenant_apps.sso.tests import fakes
from tenant_apps.sso.tests.factories import connection, make_owner

SSO = "/settings/sso/"


@pytest.fixture
def signer(settings):
    with fakes.running_signer() as running:
        settings.ATENDE_FETCH_ALLOW = [running.issuer]
        yield running


@pytest.fixture
def found(ada, signer, in_acme):
    return connection(ada, signer, state="tested")


def form_of(found, **changes):
    return {"name": found.name, "issuer": found.issuer, "client_id": found.client_id, "version": found.version, **changes}


def test_the_pages_are_for_admins(browser_for, ana, ada, found):
    for path in (SSO, f"{SSO}{found.public_id}/"):
        assert (browser_for(ana).get(path).status_code, browser_for(ada).get(path).status_code) == (403, 200)
    assert SSO in browser_for(ada).get("/settings/roles/").content.decode()
    assert f'href="{SSO}"' not in browser_for(ana).get("/me/").content.decode()


def test_without_a_provider_the_page_says_what_to_do(browser_for, ada, in_acme):
    page = browser_for(ada).get(SSO).content.decode()

    assert "No provider connected yet" in page
    assert "http://acme.localhost:8000/sso/callback" in page


def test_an_admin_connects_a_provider_and_proves_a_domain(browser_for, ada, signer, in_acme, settings):
    admin = browser_for(ada)
    typed = {"name": "Company", "issuer": signer.issuer, "client_id": "atende", "client_secret": "a-secret"}

    made = admin.post(SSO, typed)
    one = made["Location"].partition("?")[0]
    added = admin.post(f"{one}domains/", {"domain": "bikes.example"})
    domain = ConnectionDomain.objects.get()
    with fakes.running_names() as names:
        settings.ATENDE_DNS_SERVER = names.address
        early = admin.post(f"{one}domains/{domain.public_id}/", {"act": "verify"})
        names.records["bikes.example"] = [f"atende-domain={domain.proof}"]
        proven = admin.post(f"{one}domains/{domain.public_id}/", {"act": "verify"})

    assert (made.status_code, added.status_code, early.status_code, proven.status_code) == (302, 302, 409, 302)
    assert "The TXT record was not found" in early.content.decode()
    page = admin.get(one).content.decode()
    assert f"atende-domain={domain.proof}" in page
    assert "Proven" in page
    assert "a-secret" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"issuer": "https://127.0.0.1"}, "Enter the public https:// address of the provider"), ({"name": ""}, "This is needed")],
)
def test_a_wrong_provider_is_told_in_place(browser_for, ada, signer, in_acme, changes, words):
    answer = browser_for(ada).post(SSO, {"name": "Company", "issuer": signer.issuer, "client_id": "atende", **changes})

    assert (answer.status_code, words in answer.content.decode(), Connection.objects.count()) == (422, True, 0)


def test_groups_get_roles_and_what_is_typed_wrong_stays(browser_for, ada, found):
    team = Team.objects.create(key="pages", name="Pages team")
    admin, path = browser_for(ada), f"{SSO}{found.public_id}/"
    rows = {
        "group_claim": "groups",
        "group": ["readers", "writers", ""],
        "role": ["viewer", "agent", ""],
        "scope": ["", f"team:{team.public_id}", ""],
    }

    saved = admin.post(path, form_of(found, **rows, is_creating_users="on", default_role="agent"))
    without_role = admin.post(path, form_of(found, group_claim="groups", group=["x"], role=[""], scope=[""], version=2))

    assert (saved.status_code, without_role.status_code) == (302, 422)
    assert list(GroupRole.objects.order_by("group").values_list("group", "role", "scope_kind")) == [
        ("readers", "viewer", ""),
        ("writers", "agent", "team"),
    ]
    found.refresh_from_db()
    assert (found.is_creating_users, found.is_second_step_trusted, found.default_role, found.state) == (True, False, "agent", "tested")
    page = admin.get(path).content.decode()
    assert 'value="readers"' in page
    assert f'<option value="team:{team.public_id}" selected>' in page


def test_a_page_from_before_somebody_elses_change_changes_nothing(browser_for, ada, found):
    Connection.objects.update(version=7)

    answer = browser_for(ada).post(f"{SSO}{found.public_id}/", form_of(found, name="Other", version=1))

    assert (answer.status_code, Connection.objects.get().name) == (412, "Company")


def test_a_test_is_a_link_and_ends_on_the_page_with_the_claims(browser_for, ada, found, signer):
    admin, path = browser_for(ada), f"{SSO}{found.public_id}/"
    Connection.objects.update(state="draft")
    signer.claims = {"email": "new@acme.example", "email_verified": True, "odd": "<b>bold</b>"}

    shown = admin.post(f"{path}test/").content.decode()
    link = html.unescape(shown.split('<a class="btn primary" href="')[1].split('"')[0]).removeprefix("http://acme.localhost:8000")
    done = admin.get("/sso/callback", signer.authorize(admin.get(link)["Location"]))
    page = admin.get(done["Location"]).content.decode()

    assert done["Location"] == f"{path}?done=tested"
    assert "new@acme.example would be signed in." in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert Connection.objects.get().state == "tested"
    assert not User.objects.filter(email="new@acme.example").exists()


def test_switching_on_shows_the_button_and_enforcing_folds_the_form(browser_for, ada, found, acme):
    make_owner(ada)
    admin, path, stranger = browser_for(ada), f"{SSO}{found.public_id}/state/", Client(HTTP_HOST=acme.host)
    start = f"/sso/{found.public_id}/start"
    assert start not in stranger.get("/sign-in/").content.decode()

    admin.post(path, {"state": "enabled"})
    enabled = stranger.get("/sign-in/?next=/settings/roles/").content.decode()
    admin.post(path, {"state": "enforced"})
    enforced = stranger.get("/sign-in/").content.decode()
    admin.post(path, {"state": "tested"})

    assert f"{start}?next=%2Fsettings%2Froles%2F" in enabled
    assert "Sign in with Company" in enabled
    assert '<details class="fold">' not in enabled
    assert '<details class="fold"><summary>Owner sign-in</summary>' in enforced
    assert start not in stranger.get("/sign-in/").content.decode()


def test_a_draft_cannot_be_switched_on(browser_for, ada, found):
    Connection.objects.update(state="draft")

    answer = browser_for(ada).post(f"{SSO}{found.public_id}/state/", {"state": "enabled"})

    assert (answer.status_code, Connection.objects.get().state) == (409, "draft")
    assert "once as a test" in answer.content.decode()


def test_a_password_used_in_an_emergency_is_shown(browser_for, ada, found, acme):
    make_owner(ada)
    Connection.objects.update(state="enforced")
    Client(HTTP_HOST=acme.host).post("/sign-in/", {"email": ada.email, "password": "atende-demo"})

    page = browser_for(ada).get(SSO).content.decode()

    assert "Owners who signed in by password" in page
    assert ada.name in page


def test_deleting_leaves_nothing_to_sign_in_through(browser_for, ada, found):
    answer = browser_for(ada).post(f"{SSO}{found.public_id}/delete/")

    assert (answer["Location"], Connection.objects.count()) == (f"{SSO}?done=deleted", 0)


def test_the_pages_speak_portuguese(browser_for, ada, found):
    User.objects.filter(pk=ada.pk).update(language="pt-br")
    admin = browser_for(ada)

    assert "Login único" in admin.get(SSO).content.decode()
    assert "Domínios de e-mail" in admin.get(f"{SSO}{found.public_id}/").content.decode()

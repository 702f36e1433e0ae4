"""Signing in, invitations, API keys."""

import datetime

import pytest
from django.test import Client
from kernel import tenancy
from kernel.clock import now
from kernel.problems import TooManyRequests, ValidationProblem
from tenant_apps.access.models import RoleAssignment

from shared_apps.accounts import services
from shared_apps.accounts.errors import InvalidCredentials, InvitationNotUsable
from shared_apps.accounts.models import ApiKey, Invitation, User
from shared_apps.accounts.services.invitations import find_invitation, token_of

PASSWORD = "atende-demo"


def test_the_right_password_signs_in_whatever_the_case(in_acme, ana):
    assert services.check_credentials(email="Ana@ACME.example", password=PASSWORD) == ana


@pytest.mark.parametrize(
    ("email", "password"), [("ana@acme.example", "wrong"), ("nobody@acme.example", PASSWORD), ("rui@globex.example", PASSWORD), ("", "")]
)
def test_everything_else_is_refused_alike(in_acme, email, password):
    with pytest.raises(InvalidCredentials) as raised:
        services.check_credentials(email=email, password=password)

    assert raised.value.detail == "E-mail or password is wrong"


def test_an_inactive_user_cannot_sign_in(in_acme, ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)

    with pytest.raises(InvalidCredentials):
        services.check_credentials(email=ana.email, password=PASSWORD)


def test_the_eleventh_try_in_a_minute_waits(in_acme, in_globex):
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            services.check_credentials(email="x@y.example", password="wrong")

    with pytest.raises(TooManyRequests) as raised:
        services.check_credentials(email="X@y.example ", password="wrong")

    assert int(raised.value.headers["Retry-After"]) > 0


def test_one_tenants_tries_do_not_lock_anothers_account(acme, globex, db):
    with tenancy.tenant_scope(acme):
        for _ in range(10):
            with pytest.raises(InvalidCredentials):
                services.check_credentials(email="rui@globex.example", password="wrong")

    with tenancy.tenant_scope(globex):
        assert services.check_credentials(email="rui@globex.example", password=PASSWORD).email == "rui@globex.example"


def test_an_invitation_works_once(in_acme):
    invitation = services.invite(email="New@acme.example", role="agent")
    token = token_of(invitation)

    user = services.accept_invitation(invitation=find_invitation(token), name="New Person", password="correct horse 7")

    assert (user.email, RoleAssignment.objects.get(user=user).role) == ("new@acme.example", "agent")
    assert services.check_credentials(email=user.email, password="correct horse 7") == user
    with pytest.raises(InvitationNotUsable):
        services.accept_invitation(invitation=find_invitation(token), name="Again", password="correct horse 7")


def test_a_link_of_another_tenant_opens_nothing(acme, globex, db):
    with tenancy.tenant_scope(acme):
        token = token_of(services.invite(email="new@acme.example", role="agent"))

    with tenancy.tenant_scope(globex):
        assert find_invitation(token) is None


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "z" * 64])
def test_a_forged_link_opens_nothing(in_acme, token):
    assert find_invitation(token) is None


def test_an_expired_invitation_is_refused(in_acme):
    invitation = services.invite(email="new@acme.example", role="agent")
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=now() - datetime.timedelta(seconds=1))

    with pytest.raises(InvitationNotUsable):
        services.accept_invitation(invitation=invitation, name="Late", password="correct horse 7")
    assert not User.objects.filter(email="new@acme.example").exists()


def test_a_weak_password_leaves_the_invitation_open(in_acme):
    invitation = services.invite(email="new@acme.example", role="agent")

    with pytest.raises(ValidationProblem):
        services.accept_invitation(invitation=invitation, name="New", password="password")

    assert Invitation.objects.get(pk=invitation.pk).used_at is None


def test_a_key_is_stored_as_a_digest_only(in_acme, ana):
    key, clear_text = services.create_api_key(user=ana, name="Reporting")

    assert clear_text.startswith("atk_")
    assert clear_text not in {key.digest, key.token_key}
    assert ApiKey.objects.get(public_id=key.public_id).name == "Reporting"


def test_a_revoked_key_stops_at_once(client_for, acme, ana):
    client = client_for(ana)
    assert client.get("/api/v1/profile").status_code == 200

    with tenancy.tenant_scope(acme):
        services.revoke_api_key(key=ApiKey.objects.get())

    assert client.get("/api/v1/profile").status_code == 401


def test_a_deactivated_user_loses_keys_and_sessions(client_for, browser_for, acme, ana):
    client, browser = client_for(ana), browser_for(ana)
    assert browser.get("/inbox/").status_code == 200

    with tenancy.tenant_scope(acme):
        services.deactivate_user(user=User.objects.get(pk=ana.pk))

    assert client.get("/api/v1/profile").status_code == 401
    assert browser.get("/inbox/").status_code == 302


def test_a_session_of_one_tenant_is_nobody_in_another(browser_for, ana, globex):
    browser = browser_for(ana)
    browser.defaults["HTTP_HOST"] = globex.host

    assert browser.get("/api/v1/profile").status_code == 401


def test_a_session_writes_only_with_the_csrf_token(browser_for, ana, acme):
    signed_in = browser_for(ana)
    browser = Client(enforce_csrf_checks=True, HTTP_HOST=acme.host)
    browser.cookies = signed_in.cookies

    answer = browser.patch("/api/v1/profile", {"name": "X"}, content_type="application/json")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-allowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/api-keys"), ("POST", "/api/v1/api-keys"), ("DELETE", "/api/v1/api-keys/00000000-0000-0000-0000-000000000000")],
)
def test_keys_are_for_admins(client_for, ana, ada, acme, method, path):
    assert client_for(None, acme).send(method, path, {}).status_code == 401
    assert client_for(ana).send(method, path, {}).status_code == 403
    assert client_for(ada).send(method, path, {}).status_code in {200, 404, 422}


def test_creating_and_revoking_a_key_by_api(client_for, ada, acme):
    client = client_for(ada)

    made = client.post_json("/api/v1/api-keys", {"name": "Reporting"}).json()

    assert made["key"].startswith("atk_")
    assert "key" not in client.get("/api/v1/api-keys").json()["results"][0]
    assert client.delete(f"/api/v1/api-keys/{made['id']}").status_code == 204
    assert client.delete(f"/api/v1/api-keys/{made['id']}").status_code == 404


def test_the_profile_is_checked(api_client):
    good = api_client.patch_json("/api/v1/profile", {"language": "pt-br", "theme": "dark", "time_zone": "America/Sao_Paulo"})
    bad = api_client.patch_json("/api/v1/profile", {"time_zone": "Mars/Base", "language": "xx", "theme": "pink", "name": " "})

    assert (good.status_code, good.json()["language"]) == (200, "pt-br")
    assert bad.status_code == 422
    assert api_client.get("/api/v1/profile").json() == good.json()

"""Replacing keys, and the service accounts they act for."""

import datetime

import pytest
import time_machine
from conftest import ApiClient
from kernel.clock import now
from kernel.problems import ValidationProblem
from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.services.service_accounts import open_service_account
from tenant_apps.organization.selectors import agents
from tenant_apps.tickets.tests import factories

from shared_apps.accounts import services
from shared_apps.accounts.errors import InvalidCredentials, KeyAlreadyReplaced
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.tests.test_api_keys import KEYS, client_of
from shared_apps.audit.models import AuditEntry


# --- replacing ---------------------------------------------------------------------------------------------------------
def test_while_a_key_is_replaced_both_work_and_then_only_the_new_one(acme, ada, client_for, in_acme):
    old, key = client_of(acme, ada, scopes=["organization.member:read"], allowed_networks=["127.0.0.0/8"], rate_class="high")

    made = client_for(ada).post_json(f"{KEYS}/{key.public_id}/rotation", {"overlap_hours": 24}).json()
    new = ApiClient(acme.host, made["key"])

    assert (old.get("/api/v1/profile").status_code, new.get("/api/v1/profile").status_code) == (200, 200)
    assert (made["scopes"], made["allowed_networks"], made["rate_class"]) == (["organization.member:read"], ["127.0.0.0/8"], "high")
    with time_machine.travel(now() + datetime.timedelta(hours=25)):
        assert (old.get("/api/v1/profile").status_code, new.get("/api/v1/profile").status_code) == (401, 200)
    key.refresh_from_db()
    assert str(key.successor_id) == made["id"]


def test_a_key_is_replaced_once(in_acme, ana):
    key, _ = services.create_api_key(user=ana, name="x")
    services.rotate_api_key(key=key, overlap=datetime.timedelta(0))

    with pytest.raises(KeyAlreadyReplaced):
        services.rotate_api_key(key=key, overlap=datetime.timedelta(hours=1))


def test_a_successor_does_not_live_longer_than_was_decided(in_acme, ana):
    limits = services.KeyLimits(lifetime=datetime.timedelta(days=2))
    key, _ = services.create_api_key(user=ana, name="x", limits=limits)
    ends = key.expiry

    fresh, _ = services.rotate_api_key(key=key, overlap=datetime.timedelta(days=7))

    key.refresh_from_db()
    assert (fresh.expiry, key.expiry) == (ends, ends)


@pytest.mark.parametrize("overlap", [datetime.timedelta(seconds=-1), datetime.timedelta(days=31)])
def test_an_overlap_has_its_bounds(in_acme, ana, overlap):
    key, _ = services.create_api_key(user=ana, name="x")

    with pytest.raises(ValidationProblem):
        services.rotate_api_key(key=key, overlap=overlap)
    assert ApiKey.objects.filter(name="x").count() == 1


# --- service accounts --------------------------------------------------------------------------------------------------
def test_a_service_account_works_by_key_and_never_signs_in(client_for, ada, acme, in_acme):
    client = client_for(ada)
    made = client.post_json("/api/v1/service-accounts", {"name": "Shop sync", "role": "agent"}).json()
    key = client.post_json(KEYS, {"name": "sync", "service_account_id": made["id"]}).json()

    answer = ApiClient(acme.host, key["key"]).get("/api/v1/tickets")

    account = User.objects.get(public_id=made["id"])
    assert answer.status_code == 200
    assert key["user"] == made["id"]
    assert (account.is_service, account.has_usable_password()) == (True, False)
    for password in ("", "!", account.password):
        with pytest.raises(InvalidCredentials):
            services.check_credentials(email=account.email, password=password)


def test_what_a_service_account_does_is_its_own(client_for, ada, acme, in_acme):
    account = open_service_account(name="Shop sync", role="agent")
    ticket = factories.ticket()
    client, key = client_of(acme, account)

    client.patch_json(f"/api/v1/tickets/{ticket.public_id}", {"priority": "high"})

    noted = AuditEntry.objects.get(action="ticket.update", object_id=ticket.public_id)
    assert (noted.actor["kind"], noted.actor["id"]) == ("api_key", str(key.public_id))
    assert noted.actor["on_behalf_of"]["name"] == "Shop sync"


def test_service_accounts_are_listed_apart_and_get_no_work(client_for, ada, in_acme):
    account = open_service_account(name="Shop sync", role="agent")

    listed = client_for(ada).get("/api/v1/service-accounts").json()["results"]

    assert [row["id"] for row in listed] == [str(account.public_id)]
    assert account not in set(agents())


@pytest.mark.parametrize(("role", "status"), [("owner", 422), ("nothing", 422), ("admin", 201), ("agent", 201)])
def test_nobody_becomes_owner_by_a_service_account(client_for, ada, in_acme, role, status):
    answer = client_for(ada).post_json("/api/v1/service-accounts", {"name": "x", "role": role})

    assert answer.status_code == status
    assert RoleAssignment.objects.filter(user__is_service=True).count() == (1 if status == 201 else 0)


def test_a_narrow_key_gives_no_wider_role(acme, ada, in_acme):
    client, _ = client_of(acme, ada, scopes=["access.apikey:write"])

    assert client.post_json("/api/v1/service-accounts", {"name": "x", "role": "agent"}).status_code == 403
    assert not User.objects.filter(is_service=True).exists()


def test_ending_a_service_account_ends_its_keys(client_for, ada, acme, in_acme):
    account = open_service_account(name="Shop sync", role="agent")
    client, _ = client_of(acme, account)

    assert client_for(ada).delete(f"/api/v1/service-accounts/{account.public_id}").status_code == 204

    assert client.get("/api/v1/profile").status_code == 401
    assert client_for(ada).delete(f"/api/v1/service-accounts/{account.public_id}").status_code == 404
    assert client_for(ada).delete(f"/api/v1/service-accounts/{ada.public_id}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{KEYS}/01900000-0000-7000-8000-000000000000/rotation"),
        ("GET", "/api/v1/service-accounts"),
        ("POST", "/api/v1/service-accounts"),
        ("DELETE", "/api/v1/service-accounts/01900000-0000-7000-8000-000000000000"),
    ],
)
def test_all_of_it_is_for_admins(client_for, ana, rui, acme, method, path):
    foreign = client_for(rui)
    foreign.defaults["HTTP_HOST"] = acme.host

    assert client_for(None, acme).send(method, path, {}).status_code == 401
    assert foreign.send(method, path, {}).status_code == 401
    assert client_for(ana).send(method, path, {}).status_code == 403

"""API keys: what they may, from where, how often, until when; and the service accounts they act for."""

import datetime
import json
import logging
import time

import pytest
import time_machine
from conftest import ApiClient
from django.db import connections
from kernel import tenancy
from kernel.clock import now
from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.tickets.tests import factories

from shared_apps.accounts import authentication, scopes, services
from shared_apps.accounts.authentication import key_of
from shared_apps.accounts.models import ApiKey
from shared_apps.audit.models import AuditEntry

KEYS = "/api/v1/api-keys"
CODES = frozenset({"tickets.ticket.read", "tickets.ticket.write", "contacts.contact.read", "audit.entry.read", "audit.entry.export"})


def client_of(tenant, user, **limits):
    """A client with a narrow key of the user, and the key."""
    with tenancy.tenant_scope(tenant):
        key, clear_text = services.create_api_key(user=user, name="narrow", limits=services.KeyLimits(**limits))
    return ApiClient(tenant.host, clear_text), key


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        (["*"], CODES),
        (["tickets.ticket:read"], {"tickets.ticket.read"}),
        (["tickets.ticket:write"], {"tickets.ticket.read", "tickets.ticket.write"}),
        (["audit.entry:read"], {"audit.entry.read"}),
        (["tickets.ticket:read", "contacts.contact:read"], {"tickets.ticket.read", "contacts.contact.read"}),
        (["knowledge.article:write"], set()),
        (["tickets.ticket:all", "tickets:read", "TICKETS.TICKET:read", ""], set()),
        ([], set()),
    ],
)
def test_scopes_let_through_what_they_name(wanted, codes):
    assert scopes.codes_in_scopes(CODES, wanted) == codes


def test_a_key_may_what_its_scopes_and_its_user_both_allow(acme, ana, in_acme):
    ticket = factories.ticket()
    client, _ = client_of(acme, ana, scopes=["tickets.ticket:read", "access.apikey:write"])

    assert client.get("/api/v1/tickets").status_code == 200
    assert client.patch_json(f"/api/v1/tickets/{ticket.public_id}", {"priority": "high"}).status_code == 403
    assert client.get("/api/v1/contacts").status_code == 403
    assert client.get(KEYS).status_code == 403  # in its scopes, but not among its user's rights
    ticket.refresh_from_db()
    assert ticket.priority == "normal"


def test_the_profile_of_a_narrow_key_shows_its_own_rights(acme, ada):
    client, _ = client_of(acme, ada, scopes=["organization.member:read", "tickets.ticket:read"])

    assert client.get("/api/v1/profile").json()["permissions"] == ["organization.member.read", "tickets.ticket.read"]


def test_a_narrow_key_does_not_narrow_its_user(acme, ada, client_for, browser_for):
    client_of(acme, ada, scopes=["tickets.ticket:read"])[0].get("/api/v1/tickets")

    assert client_for(ada).get(KEYS).status_code == 200
    assert browser_for(ada).get("/settings/keys/").status_code == 200


# --- giving rights away ------------------------------------------------------------------------------------------------
def test_a_narrow_key_cannot_make_a_wide_one(acme, ada, in_acme):
    client, _ = client_of(acme, ada, scopes=["access.apikey:write", "tickets.ticket:read"])
    before = ApiKey.objects.count()

    answers = [client.post_json(KEYS, {"name": "wide", **more}) for more in ({}, {"scopes": ["*"]}, {"scopes": ["tickets.ticket:write"]})]
    narrow = client.post_json(KEYS, {"name": "narrow", "scopes": ["tickets.ticket:read"]})

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert narrow.status_code == 201
    assert ApiKey.objects.count() == before + 1


@pytest.mark.parametrize("limits", [{"lifetime": datetime.timedelta(days=1)}, {"allowed_networks": ["127.0.0.0/8"]}])
def test_a_key_that_ends_or_is_bound_makes_no_keys(acme, ada, in_acme, limits):
    client, key = client_of(acme, ada, **limits)

    assert client.post_json(KEYS, {"name": "again"}).status_code == 403
    assert client.post_json(f"{KEYS}/{key.public_id}/rotation", {"overlap_hours": 1}).status_code == 403
    assert client.post_json("/api/v1/service-accounts", {"name": "x", "role": "agent"}).status_code == 403


def test_nobody_gets_a_key_of_someone_who_may_more_by_replacing_it(acme, ada, in_acme):
    client, _ = client_of(acme, ada, scopes=["access.apikey:write"])
    _, wide = client_of(acme, ada)

    answer = client.post_json(f"{KEYS}/{wide.public_id}/rotation", {"overlap_hours": 1})

    assert answer.status_code == 403
    assert ApiKey.objects.get(pk=wide.pk).successor_id is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["tickets.ticket:delete"]}, "/scopes"),
        ({"scopes": ["nothing.here:read"]}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"allowed_networks": ["10.0.0.0/33"]}, "/allowed_networks"),
        ({"allowed_networks": ["everywhere"]}, "/allowed_networks"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "/allowed_networks"),
        ({"rate_class": "endless"}, "/rate_class"),
        ({"lifetime_days": 0}, "/lifetime_days"),
        ({"service_account_id": "01900000-0000-7000-8000-000000000000"}, "/service_account_id"),
        ({"user": "01900000-0000-7000-8000-000000000000"}, "/user"),
        ({"is_superuser": True}, "/is_superuser"),
    ],
)
def test_a_key_is_refused_with_a_pointer(client_for, ada, in_acme, body, pointer):
    client = client_for(ada)
    before = ApiKey.objects.count()

    answer = client.post_json(KEYS, {"name": "x", **body})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert ApiKey.objects.count() == before


# --- from where, how often, until when ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("networks", "ip", "status"),
    [
        ([], "203.0.113.9", 200),
        (["192.0.2.0/24"], "192.0.2.77", 200),
        (["192.0.2.0/24"], "::ffff:192.0.2.77", 200),
        (["192.0.2.0/24"], "192.0.3.1", 401),
        (["2001:db8::/32"], "2001:db8::1", 200),
        (["2001:db8::/32"], "192.0.2.1", 401),
        (["192.0.2.7"], "192.0.2.7", 200),
        (["192.0.2.7"], "not an address", 401),
    ],
)
def test_a_key_works_from_its_networks_only(acme, ana, in_acme, networks, ip, status):
    client, key = client_of(acme, ana, allowed_networks=networks)

    answer = client.get("/api/v1/profile", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"192.0.2.7, 192.0.2.77, {ip}")

    assert answer.status_code == status
    noted = AuditEntry.objects.filter(outcome="refused", object_id=key.public_id)
    assert noted.count() == (1 if status == 401 else 0)


def test_a_wrong_network_is_answered_like_a_wrong_key(acme, ana):
    client, _ = client_of(acme, ana, allowed_networks=["192.0.2.0/24"])

    here, wrong = client.get("/api/v1/profile"), ApiClient(acme.host, "atk_" + "0" * 60).get("/api/v1/profile")

    assert here.status_code == wrong.status_code == 401
    assert {**here.json(), "instance": ""} == {**wrong.json(), "instance": ""}
    assert here["WWW-Authenticate"] == wrong["WWW-Authenticate"]


def test_a_key_beyond_its_rate_waits_and_others_do_not(acme, ana, monkeypatch):
    monkeypatch.setitem(authentication.RATES, "low", "3/minute")
    client, _ = client_of(acme, ana, rate_class="low")
    other, _ = client_of(acme, ana, rate_class="low")

    answers = [client.get("/api/v1/profile") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[4]["Retry-After"]) <= 61
    assert other.get("/api/v1/profile").status_code == 200


def test_a_key_ends_and_is_kept_for_people_to_see(acme, ana, client_for, ada):
    client, key = client_of(acme, ana, lifetime=datetime.timedelta(days=30))
    assert client.get("/api/v1/profile").status_code == 200

    with time_machine.travel(now() + datetime.timedelta(days=31)):
        assert client.get("/api/v1/profile").status_code == 401
        shown = next(row for row in client_for(ada).get(KEYS).json()["results"] if row["id"] == str(key.public_id))

    assert shown["is_expired"] is True


def test_the_last_use_is_noted_with_its_address(acme, ana, in_acme):
    client, key = client_of(acme, ana)

    client.get("/api/v1/profile")

    key.refresh_from_db()
    assert key.last_used_ip == "127.0.0.1"
    assert key.last_used_at is not None


def test_one_query_finds_a_key_and_its_user(acme, ana, django_assert_num_queries, in_acme):
    _, clear_text = services.create_api_key(user=ana, name="x")
    with django_assert_num_queries(1, connection=connections[acme.cluster]):
        assert key_of(clear_text.encode()).user == ana


@pytest.mark.parametrize("token", [b"", b"x", b"\xff\xfe", "atk_é".encode(), b"atk_" + b"0" * 5000])
def test_odd_tokens_are_nobodys(in_acme, token):
    assert key_of(token) is None


# --- attacks -----------------------------------------------------------------------------------------------------------
def test_a18_a_key_of_one_tenant_is_nobodys_in_another(client_for, ana, globex, acme):
    client = client_for(ana)
    client.defaults["HTTP_HOST"] = globex.host

    assert client.get("/api/v1/profile").status_code == 401
    with tenancy.tenant_scope(globex):
        assert not AuditEntry.objects.filter(outcome="refused").exists()


def test_b02_a_key_is_random_and_stands_nowhere_in_the_database(in_acme, ana):
    made = [services.create_api_key(user=ana, name=f"k{number}") for number in range(20)]

    texts = {clear_text for _, clear_text in made}
    assert len({text[15:] for text in texts}) == 20
    assert all(len(text) >= 64 for text in texts)
    for key, clear_text in made:
        stored = json.dumps({field.name: str(getattr(key, field.attname)) for field in key._meta.concrete_fields})
        assert clear_text not in stored
        assert clear_text[15:] not in stored


def test_b06_a_forged_forwarding_header_does_not_move_a_key_into_its_network(acme, ana):
    client, _ = client_of(acme, ana, allowed_networks=["192.0.2.0/24"])

    forged = [
        client.get("/api/v1/profile", HTTP_X_FORWARDED_FOR=f"192.0.2.7, {seen}", HTTP_X_REAL_IP="192.0.2.7", HTTP_FORWARDED="for=192.0.2.7")
        for seen in ("203.0.113.1", "203.0.113.1,", "junk")
    ]

    assert {answer.status_code for answer in forged} == {401}


@pytest.mark.parametrize("means", ["revoke", "deactivate", "demote", "replace"])
def test_b25_a_key_follows_its_user_at_once(acme, ada, in_acme, means):
    client, key = client_of(acme, ada)
    assert client.get(KEYS).status_code == 200

    if means == "revoke":
        services.revoke_api_key(key=key)
    elif means == "deactivate":
        services.deactivate_user(user=ada)
    elif means == "demote":
        RoleAssignment.objects.filter(user=ada).update(role="agent")
        bump_access_version()  # as every service that changes roles does
    else:
        services.rotate_api_key(key=key, overlap=datetime.timedelta(0))
    started = time.monotonic()

    assert client.get(KEYS).status_code == (403 if means == "demote" else 401)
    assert time.monotonic() - started < 5


def test_a_key_is_in_no_answer_log_or_entry_after_its_creation(acme, ada, client_for, caplog, in_acme):
    caplog.set_level(logging.DEBUG)
    admin = client_for(ada)
    made = admin.post_json(KEYS, {"name": "Shop", "scopes": ["tickets.ticket:read"]}).json()
    client = ApiClient(acme.host, made["key"])
    client.get("/api/v1/tickets")
    client.post_json("/api/v1/tickets", {})
    rotated = admin.post_json(f"{KEYS}/{made['id']}/rotation", {"overlap_hours": 1}).json()

    shown = (
        admin.get(KEYS).content.decode()
        + admin.get("/api/v1/audit-entries").content.decode()
        + admin.get("/api/v1/events").content.decode()
    )
    kept = json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))

    for secret in (made["key"][15:], rotated["key"][15:]):
        assert secret not in shown
        assert secret not in kept
        assert secret not in caplog.text

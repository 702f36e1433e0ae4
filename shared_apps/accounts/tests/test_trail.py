"""What log-ins leave in the audit trail: old and new values of a profile, and sign-ins that were refused."""

import json

import pytest
from celery import current_app
from django.test import Client
from kernel import tenancy

from shared_apps.accounts import services, tasks
from shared_apps.accounts.models import User
from shared_apps.accounts.services import refused
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"


def entries(action, tenant=None):
    with tenancy.tenant_scope(tenant) if tenant else tenancy.public_scope():
        return list(AuditEntry.objects.filter(action=action).order_by("n"))


@pytest.fixture
def sent(fresh_database, monkeypatch):
    """What is handed to workers about refused sign-ins, and a way to run it as a worker would."""

    class Sent(list):
        def work(self):
            assert tasks.note_refused_sign_in.name == refused.TENANT_TASK
            for name, arguments in self:
                current_app.tasks[name](**arguments)

    found = Sent()
    monkeypatch.setattr(current_app, "send_task", lambda name, kwargs, **_: found.append((name, kwargs)))
    return found


def try_to_sign_in(host, email, password):
    return Client(HTTP_HOST=host, HTTP_USER_AGENT="Robot 7").post("/sign-in/", {"email": email, "password": password})


# --- profiles ----------------------------------------------------------------------------------------------------------
def test_a_changed_profile_tells_the_old_and_the_new_value_of_what_changed(api_client, ana, acme):
    api_client.patch_json("/api/v1/profile", {"theme": "dark", "time_zone": ana.time_zone, "name": "Ana Maria"})

    (noted,) = entries("user.update_profile", acme)
    assert noted.changes == {"theme": [ana.theme, "dark"], "name": [ana.name, "Ana Maria"]}
    assert noted.object_id == ana.public_id


def test_a_profile_that_stays_as_it_is_leaves_no_entry(api_client, ana, acme):
    answer = api_client.patch_json("/api/v1/profile", {"theme": ana.theme})

    assert answer.status_code == 200
    assert entries("user.update_profile", acme) == []
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).updated_at == ana.updated_at


# --- refused sign-ins --------------------------------------------------------------------------------------------------
def test_a_wrong_password_leaves_an_entry_with_its_cause_and_origin(acme, ana, sent):
    answer = try_to_sign_in(acme.host, ana.email, "wrong")
    sent.work()

    (noted,) = entries("session.refuse", acme)
    assert answer.status_code == 401
    assert (noted.outcome, noted.object_type, noted.object_id) == ("refused", "user", ana.public_id)
    assert noted.changes == {"reason": [None, "wrong_password"]}
    assert (noted.ip, noted.user_agent) == ("127.0.0.1", "Robot 7")
    assert noted.request_id == answer["X-Request-ID"]


def test_the_right_password_of_a_deactivated_member_is_told_apart(acme, ana, sent):
    with tenancy.tenant_scope(acme):
        User.objects.filter(pk=ana.pk).update(is_active=False)

    assert try_to_sign_in(acme.host, ana.email, PASSWORD).status_code == 401
    sent.work()

    assert [noted.changes["reason"][1] for noted in entries("session.refuse", acme)] == ["deactivated"]


def test_an_unknown_address_leaves_nothing_and_is_the_same_message_to_the_worker(acme, ana, sent):
    answers = [try_to_sign_in(acme.host, email, "wrong") for email in (ana.email, "nobody@acme.example")]
    sent.work()

    assert [answer.status_code for answer in answers] == [401, 401]
    assert len(entries("session.refuse", acme)) == 1
    (first, known), (second, unknown) = sent
    assert first == second == refused.TENANT_TASK
    assert known.keys() == unknown.keys()
    assert (known["user_id"], unknown["user_id"]) == (ana.pk, 0)
    assert "nobody@acme.example" not in json.dumps(unknown)
    assert ana.email not in json.dumps(known)


def test_a_right_password_leaves_no_refusal(acme, ana, sent):
    assert try_to_sign_in(acme.host, ana.email, PASSWORD).status_code == 302
    sent.work()

    assert [name for name, _ in sent if name == refused.TENANT_TASK] == []
    assert entries("session.refuse", acme) == []


def test_refusals_of_one_account_do_not_fill_the_trail(acme, ana, monkeypatch):
    monkeypatch.setattr(refused, "PER_ACCOUNT", "3/minute")
    with tenancy.tenant_scope(acme):
        for _ in range(8):
            refused.note_refused_sign_in(user_id=ana.pk, reason=refused.WRONG_PASSWORD)

    assert len(entries("session.refuse", acme)) == 3


def test_an_operators_refusal_stands_in_the_platforms_trail(operator, sent):
    assert try_to_sign_in("localhost", operator.email, "wrong").status_code == 401
    sent.work()

    (noted,) = entries("session.refuse")
    assert (noted.object_id, noted.ip) == (operator.public_id, "127.0.0.1")


def test_a_lost_queue_does_not_change_the_answer(acme, ana, monkeypatch):
    def away(*_, **__):
        raise OSError

    monkeypatch.setattr(current_app, "send_task", away)

    assert try_to_sign_in(acme.host, ana.email, "wrong").status_code == 401
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=ana.email, password=PASSWORD) == ana


# --- sign-ins ----------------------------------------------------------------------------------------------------------
def test_a_sign_in_names_who_signed_in(acme, ana, operator):
    try_to_sign_in(acme.host, ana.email, PASSWORD)
    try_to_sign_in("localhost", operator.email, PASSWORD)

    (member,), (person,) = entries("session.open", acme), entries("session.open")
    assert (member.actor["kind"], member.actor["id"]) == ("user", str(ana.public_id))
    assert (person.actor["kind"], person.actor["id"]) == ("operator", str(operator.public_id))

"""A new password or address by somebody who is signed in. Attack case B21 among them."""

import datetime

import pytest
import time_machine
from django.test import Client
from kernel import tenancy
from kernel.clock import now
from kernel.problems import TooManyRequests, ValidationProblem

from shared_apps.accounts import services
from shared_apps.accounts.errors import InvalidCredentials
from shared_apps.accounts.models import AccountMail, User
from shared_apps.accounts.tests.mailbox import letters, path_in, send_all
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"
NEW = "ana@elsewhere.example"


@pytest.fixture
def visitor(acme, database):
    return Client(HTTP_HOST=acme.host)


def ask(tenant, browser, relay, email=NEW):
    answer = browser.post("/me/security/email/", {"email": email, "current_password": PASSWORD})
    assert answer["Location"] == "/me/security/?done=email"
    with tenancy.tenant_scope(tenant):
        send_all()
    return path_in(letters(relay)[-1][1])


def follow(tenant, visitor, path):
    answer = visitor.post(path)
    with tenancy.tenant_scope(tenant):
        send_all()
    return answer


def test_the_address_changes_when_the_new_mailbox_says_so_and_the_old_one_is_told(acme, ana, browser_for, relay, visitor):
    path = ask(acme, browser_for(ana), relay)
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).email == ana.email

    assert visitor.get(path).status_code == 200
    assert follow(acme, visitor, path).status_code == 302

    assert [to for to, _ in letters(relay)] == [NEW, ana.email]
    assert visitor.post(path).status_code == 409
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=NEW, password=PASSWORD) == ana
        assert {"email.request_change", "email.change"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_the_old_mailbox_takes_it_back_even_after_a_second_change(acme, ana, browser_for, relay, visitor):
    browser = browser_for(ana)
    follow(acme, visitor, ask(acme, browser, relay))
    undo = path_in(letters(relay)[-1][1])
    follow(acme, visitor, ask(acme, browser, relay, "thief@far.example"))
    later = path_in(letters(relay)[-1][1])

    assert follow(acme, visitor, undo).status_code == 302

    assert browser.get("/me/").status_code == 302
    assert visitor.post(later).status_code == 409
    assert letters(relay)[-1][0] == ana.email
    assert visitor.post(path_in(letters(relay)[-1][1]), {"password": "mine again, surely"}).status_code == 302
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=ana.email, password="mine again, surely") == ana
        for email in (ana.email, NEW, "thief@far.example"):
            with pytest.raises(InvalidCredentials):
                services.check_credentials(email=email, password=PASSWORD)


def test_the_way_back_is_open_for_a_week(acme, ana, browser_for, relay, visitor):
    follow(acme, visitor, ask(acme, browser_for(ana), relay))
    undo = path_in(letters(relay)[-1][1])

    with time_machine.travel(now() + datetime.timedelta(days=6, hours=23), tick=False):
        assert visitor.get(undo).status_code == 200
    with time_machine.travel(now() + datetime.timedelta(days=7, minutes=1), tick=False):
        assert visitor.get(undo).status_code == 409


def test_whether_an_address_is_taken_is_not_said(acme, ana, bea, browser_for, relay):
    answer = browser_for(ana).post("/me/security/email/", {"email": bea.email, "current_password": PASSWORD})
    with tenancy.tenant_scope(acme):
        send_all()

    assert answer["Location"] == "/me/security/?done=email"
    assert letters(relay) == []


def test_an_address_taken_meanwhile_is_not_given_twice(acme, ana, bea, browser_for, relay, visitor):
    path = ask(acme, browser_for(ana), relay)
    with tenancy.tenant_scope(acme):
        User.objects.filter(pk=bea.pk).update(email=NEW.upper())

    assert visitor.post(path).status_code == 409
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).email == ana.email


@pytest.mark.parametrize("email", ["", "nonsense", "ANA@acme.example", "x" * 250 + "@a.example"])
def test_useless_addresses_are_refused(in_acme, ana, email):
    with pytest.raises(ValidationProblem):
        services.request_email_change(user=ana, password=PASSWORD, email=email)
    assert AccountMail.objects.count() == 0


def test_a_password_change_needs_the_present_one_and_ends_other_sessions(acme, ana, browser_for, client_for):
    here, there = browser_for(ana), browser_for(ana)
    here.get("/me/"), there.get("/me/")

    wrong = here.post("/me/security/password/", {"current_password": "wrong", "password": "a wholly new phrase"})
    right = here.post("/me/security/password/", {"current_password": PASSWORD, "password": "a wholly new phrase"})

    assert (wrong.status_code, right.status_code) == (422, 302)
    assert (here.get("/me/").status_code, there.get("/me/").status_code) == (200, 302)
    api = client_for(ana).put_json("/api/v1/profile/password", {"current_password": "a wholly new phrase", "password": "short"})
    assert (api.status_code, api.json()["errors"][0]["pointer"]) == (422, "/password")


def test_the_api_changes_password_and_address(acme, ana, client_for, relay):
    client = client_for(ana)

    changed = client.put_json("/api/v1/profile/password", {"current_password": PASSWORD, "password": "a wholly new phrase"})
    refused = client.post_json("/api/v1/profile/email-changes", {"current_password": PASSWORD, "email": NEW})
    asked = client.post_json("/api/v1/profile/email-changes", {"current_password": "a wholly new phrase", "email": NEW})
    with tenancy.tenant_scope(acme):
        send_all()
    token = path_in(letters(relay)[-1][1]).split("/")[2]
    confirmed = client_for(None, acme).put_json(f"/api/v1/email-changes/{token}")
    with tenancy.tenant_scope(acme):
        send_all()
    undone = client_for(None, acme).put_json(f"/api/v1/email-undos/{path_in(letters(relay)[-1][1]).split('/')[2]}")

    assert [one.status_code for one in (changed, refused, asked, confirmed, undone)] == [204, 422, 202, 204, 204]
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).email == ana.email


def test_guessing_the_present_password_is_slow(in_acme, ana):
    for _ in range(10):
        with pytest.raises(ValidationProblem):
            services.confirm_password(user=ana, password="guess")

    with pytest.raises(TooManyRequests):
        services.confirm_password(user=ana, password=PASSWORD)


# --- attack cases ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
def test_b21_no_route_changes_another_members_log_in(acme, ada, bea, client_for, method):
    body = {"email": "thief@far.example", "password": "a wholly new phrase", "current_password": PASSWORD}
    client = client_for(ada)

    answers = [
        client.send(method, path.format(bea.public_id), body).status_code
        for path in ("/api/v1/profile/{}", "/api/v1/profile/{}/password", "/api/v1/profile/password/{}", "/api/v1/members/{}")
    ]

    assert answers[:3] == [404, 404, 404]
    assert answers[3] in {404, 405, 422}
    with tenancy.tenant_scope(acme):
        found = User.objects.get(pk=bea.pk)
        assert (found.email, found.password) == (bea.email, bea.password)


def test_b21_ones_own_address_changes_only_with_the_password(acme, ana, browser_for):
    answer = browser_for(ana).post("/me/security/email/", {"email": NEW, "current_password": "wrong"})

    assert answer.status_code == 422
    with tenancy.tenant_scope(acme):
        assert AccountMail.objects.count() == 0

"""The second step of signing in. Attack cases B13 and B24 among them."""

import datetime
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from kernel import redis, tenancy
from kernel.clock import now
from kernel.crypto import SealBroken
from kernel.problems import TooManyRequests, ValidationProblem

from shared_apps.accounts import second_step, services
from shared_apps.accounts.errors import InvalidCode, SecondStepMissing
from shared_apps.accounts.models import AccountMail, MailKind, User
from shared_apps.accounts.selectors import sessions_of, user_of_session
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"


def code_of(secret, *, steps=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def enrol(user, *, steps=-1):
    """Switches the step on with the code of the step before, so that the present one is still unused."""
    secret, enrolment = second_step.begin(user)
    codes = services.enable_second_step(user=user, password=PASSWORD, enrolment=enrolment, code=code_of(secret, steps=steps))
    return secret, codes


@pytest.fixture
def enrolled(acme, ana):
    with tenancy.tenant_scope(acme):
        return enrol(ana)


def first_step(tenant, user, **more):
    client = Client(HTTP_HOST=tenant.host)
    answer = client.post("/sign-in/", {"email": user.email, "password": PASSWORD, **more})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/code/")
    return client


def key_of(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_the_code_signs_in_and_leads_where_one_wanted(acme, ana, enrolled):
    client = first_step(acme, ana, next="/me/")

    assert client.get("/sign-in/code/").status_code == 200
    answer = client.post("/sign-in/code/", {"code": code_of(enrolled[0])})

    assert (answer.status_code, answer["Location"], client.get("/me/").status_code) == (302, "/me/", 200)
    with tenancy.tenant_scope(acme):
        assert sessions_of(ana).count() == 1
        entry = AuditEntry.objects.get(action="session.open")
        assert entry.changes == {"way": [None, "totp"]}


def test_a_wrong_code_does_not(acme, ana, enrolled):
    client = first_step(acme, ana)

    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 401
    assert client.get("/me/").status_code == 302


def test_a_code_is_taken_once(in_acme, ana):
    secret, _ = enrol(ana)
    code = code_of(secret)

    assert services.take_second_step(user=ana, code=code) == "totp"
    with pytest.raises(InvalidCode):
        services.take_second_step(user=ana, code=code)


def test_the_code_that_enrolled_does_not_sign_in(in_acme, ana):
    secret, _ = enrol(ana, steps=0)

    with pytest.raises(InvalidCode):
        services.take_second_step(user=ana, code=code_of(secret))


def test_a_used_code_stays_used_when_the_cache_is_lost_and_after_a_minute(in_acme, ana):
    with time_machine.travel(now(), tick=False):
        secret, _ = enrol(ana)
        code = code_of(secret, steps=1)
        services.take_second_step(user=ana, code=code)
    redis.client().flushdb()

    with time_machine.travel(now() + datetime.timedelta(seconds=45), tick=False), pytest.raises(InvalidCode):
        services.take_second_step(user=ana, code=code)


def test_a_recovery_code_works_once(in_acme, ana):
    _, codes = enrol(ana)

    assert len(codes) == len(set(codes)) == 10
    assert services.take_second_step(user=ana, code=codes[3]) == "recovery_code"
    assert second_step.recovery_codes_left(ana) == 9
    with pytest.raises(InvalidCode):
        services.take_second_step(user=ana, code=codes[3])


def test_fresh_recovery_codes_replace_the_old_ones(in_acme, ana):
    _, codes = enrol(ana)

    fresh = services.renew_recovery_codes(user=ana, password=PASSWORD)

    assert not set(fresh) & set(codes)
    with pytest.raises(InvalidCode):
        services.take_second_step(user=ana, code=codes[0])
    assert services.take_second_step(user=ana, code=fresh[0]) == "recovery_code"


def test_guessing_is_slow(in_acme, ana):
    enrol(ana)
    for _ in range(4):
        with pytest.raises(InvalidCode):
            services.take_second_step(user=ana, code="000000")

    with pytest.raises(TooManyRequests):
        services.take_second_step(user=ana, code="000000")


def test_secrets_are_sealed_for_one_user_of_one_tenant(in_acme, ana, bea):
    secret, _ = enrol(ana)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))

    Authenticator.objects.update(user=bea)

    assert secret not in stored
    with pytest.raises(SealBroken):
        services.take_second_step(user=bea, code=code_of(secret))


@pytest.mark.parametrize("wrong", ["password", "code", "foreign", "old"])
def test_switching_on_needs_password_code_and_ones_own_fresh_enrolment(in_acme, ana, bea, wrong):
    secret, enrolment = second_step.begin(bea if wrong == "foreign" else ana)
    later = datetime.timedelta(minutes=16 if wrong == "old" else 0)

    with time_machine.travel(now() + later, tick=False), pytest.raises(ValidationProblem):
        services.enable_second_step(
            user=ana,
            password="wrong" if wrong == "password" else PASSWORD,
            enrolment=enrolment,
            code="000000" if wrong == "code" else code_of(secret),
        )
    assert not second_step.is_enabled(ana)


def test_an_enrolment_of_another_tenant_is_worth_nothing(acme, globex, ana, rui, db):
    with tenancy.tenant_scope(acme):
        _, enrolment = second_step.begin(ana)

    with tenancy.tenant_scope(globex):
        assert second_step.secret_in(rui, enrolment) is None


def test_the_page_shows_a_picture_and_then_the_codes(acme, ana, browser_for):
    browser = browser_for(ana)

    begun = browser.post("/me/security/second-step/begin/")
    enrolment, secret = begun.context["enrolment"], begun.context["secret"].replace(" ", "")
    wrong = browser.post("/me/security/second-step/", {"enrolment": enrolment, "code": "000000", "current_password": PASSWORD})
    done = browser.post(
        "/me/security/second-step/", {"enrolment": enrolment, "code": code_of(secret, steps=-1), "current_password": PASSWORD}
    )
    shown = browser.get("/me/security/")
    off = browser.post("/me/security/second-step/disable/", {"code": code_of(secret), "current_password": PASSWORD})

    assert b"<svg" in begun.content
    assert (begun.status_code, wrong.status_code, done.status_code, off.status_code) == (200, 422, 201, 302)
    assert all(code.encode() in done.content for code in done.context["codes"])
    assert shown.context["has_second_step"]
    with tenancy.tenant_scope(acme):
        assert not second_step.is_enabled(ana)
        assert AccountMail.objects.filter(kind=MailKind.SECOND_STEP_CHANGED).count() == 2
        assert {"second_step.enable", "second_step.disable"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_the_api_does_the_same(acme, ana, client_for):
    client = client_for(ana)
    begun = client.post_json("/api/v1/profile/second-step/enrolments").json()
    proof = {"current_password": PASSWORD, "enrolment": begun["enrolment"], "code": code_of(begun["secret"], steps=-1)}

    done = client.put_json("/api/v1/profile/second-step", proof)
    read = client.get("/api/v1/profile/second-step").json()
    fresh = client.post_json("/api/v1/profile/second-step/recovery-codes", {"current_password": PASSWORD})
    off = [
        client.post_json("/api/v1/profile/second-step/removals", {"current_password": PASSWORD, "code": code}).status_code
        for code in ("000000", fresh.json()["recovery_codes"][0], "000000")
    ]

    assert (done.status_code, len(done.json()["recovery_codes"]), fresh.status_code) == (200, 10, 201)
    assert read == {"is_enabled": True, "has_app": True, "recovery_codes_left": 10}
    assert off == [401, 204, 409]


def test_an_admin_resets_a_members_step(acme, ada, ana, enrolled, client_for):
    path = f"/api/v1/members/{ana.public_id}/second-step"

    statuses = [client_for(None, acme).delete(path).status_code, client_for(ana).delete(path).status_code]
    statuses += [client_for(ada).delete(path).status_code for _ in range(2)]

    assert statuses == [401, 403, 204, 409]
    with tenancy.tenant_scope(acme):
        assert AuditEntry.objects.filter(action="second_step.reset", object_id=ana.public_id).count() == 1
        with pytest.raises(SecondStepMissing):
            services.reset_second_step(user=ana)


# --- attack cases ------------------------------------------------------------------------------------------------------
def test_b13_between_the_steps_there_is_no_password_and_no_route(acme, ana, enrolled):
    client = first_step(acme, ana)
    key = key_of(client)

    with tenancy.tenant_scope(acme):
        held = Session.objects.get(session_key=key).get_decoded()
        assert PASSWORD not in str(held)
        assert "_auth_user_id" not in held
        assert user_of_session(key) is None
        assert not sessions_of(ana).exists()
    for path in ("/inbox/", "/me/", "/me/security/", "/settings/keys/"):
        assert client.get(path)["Location"].startswith("/sign-in/")
    for path in ("/api/v1/profile", "/api/v1/tickets", "/api/v1/profile/second-step"):
        assert client.get(path).status_code == 401


def test_b13_the_first_step_is_forgotten_after_ten_minutes_and_with_the_password(acme, ana, enrolled):
    late, overtaken = first_step(acme, ana), first_step(acme, ana)

    with time_machine.travel(now() + datetime.timedelta(minutes=11), tick=False):
        assert late.get("/sign-in/code/")["Location"] == "/sign-in/"
    with tenancy.tenant_scope(acme):
        services.change_password(user=User.objects.get(pk=ana.pk), current=PASSWORD, new="a wholly new phrase")
    assert overtaken.post("/sign-in/code/", {"code": code_of(enrolled[0])})["Location"] == "/sign-in/"
    assert overtaken.get("/me/").status_code == 302


def test_b13_a_first_step_ends_the_session_of_before(acme, ana, bea, enrolled):
    client = Client(HTTP_HOST=acme.host)
    client.post("/sign-in/", {"email": bea.email, "password": PASSWORD})

    client.post("/sign-in/", {"email": ana.email, "password": PASSWORD})

    assert client.get("/me/").status_code == 302


def test_b24_the_session_id_rotates_at_the_second_step(acme, ana, enrolled):
    client = first_step(acme, ana)
    before = key_of(client)

    client.post("/sign-in/code/", {"code": code_of(enrolled[0])})

    old = Client(HTTP_HOST=acme.host)
    old.cookies[settings.SESSION_COOKIE_NAME] = before
    assert key_of(client) != before
    assert old.get("/api/v1/profile").status_code == 401


def test_a_new_password_does_not_replace_the_second_step(acme, ana, enrolled):
    with tenancy.tenant_scope(acme):
        services.change_password(user=User.objects.get(pk=ana.pk), current=PASSWORD, new="a wholly new phrase")
    client = Client(HTTP_HOST=acme.host)

    answer = client.post("/sign-in/", {"email": ana.email, "password": "a wholly new phrase"})

    assert answer["Location"] == "/sign-in/code/"

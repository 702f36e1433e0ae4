"""ID tokens that must sign nobody in, from a provider that signs whatever a test wants."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from shared_apps.accounts.models import User
from shared_apps.audit.models import AuditEntry

from tenant_apps.sso.models import Identity
from tenant_apps.sso.tests import fakes
from tenant_apps.sso.tests.factories import connection, is_signed_in, sign_in, start

ANA = {"email": "ana@acme.example", "email_verified": True}


@pytest.fixture
def open_connection(signer, ada, in_acme):
    signer.claims = dict(ANA)
    return connection(ada, signer)


def cause():
    return AuditEntry.objects.filter(action="sso.refuse").latest("n").changes["cause"][1]


def assert_refused(answer, browser, why):
    """Refused in the same words as ever, nobody signed in or linked, and the audit trail knows the cause."""
    assert (answer.status_code, is_signed_in(browser)) == (401, False)
    assert "Signing in did not work" in answer.content.decode()
    assert Identity.objects.count() == 0
    assert cause() == why


def unsigned(header, claims, key=b""):
    """A token as an attacker writes it: by hand."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part(header) + b"." + part(claims)
    mac = hmac.new(key, body, hashlib.sha256).digest() if key else b""
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def test_a_good_token_signs_in(open_connection, signer, browser, ana):
    answer = sign_in(browser, open_connection, signer)

    assert (answer.status_code, answer["Location"], is_signed_in(browser)) == (302, "/inbox/", True)
    assert Identity.objects.get().user == ana
    entry = AuditEntry.objects.get(action="sso.sign_in")
    assert entry.changes["user"] == [None, str(ana.public_id)]


def test_b10_a_token_for_another_audience(open_connection, signer, browser):
    signer.claims["aud"] = "another-client"

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-audience")


def test_b10_a_token_for_many_audiences_that_was_not_made_for_us(open_connection, signer, browser):
    signer.claims |= {"aud": ["atende", "another-client"], "azp": "another-client"}

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-audience")


def test_b10_a_token_past_its_end(open_connection, signer, browser):
    signer.claims |= {"iat": fakes.now_seconds() - 900, "exp": fakes.now_seconds() - 300}

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-expired")


@pytest.mark.parametrize("claim", ["nonce", "exp", "iat", "aud", "iss", "sub"])
def test_b10_a_token_that_lacks_what_it_needs(open_connection, signer, browser, claim):
    signer.dropped = {claim}

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-incomplete")


def test_b10_a_token_with_another_nonce(open_connection, signer, browser):
    signer.claims["nonce"] = "of-another-sign-in"

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-nonce")


def test_b10_a_token_of_another_issuer(open_connection, signer, browser):
    signer.claims["iss"] = f"{signer.issuer}.evil.example"

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-issuer")


def test_b10_a_token_used_a_second_time(open_connection, signer, browser, acme):
    sign_in(browser, open_connection, signer)
    stolen, other = signer.last_token, Client(HTTP_HOST=acme.host)
    signer.make = lambda _: stolen

    answer = sign_in(other, open_connection, signer)

    assert (answer.status_code, is_signed_in(other), cause()) == (401, False, "token-nonce")


def test_b10_a_state_used_a_second_time(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    first = browser.get("/sso/callback", query)
    browser.post("/sign-out/")

    second = browser.get("/sso/callback", query)

    assert (first.status_code, second.status_code, is_signed_in(browser), cause()) == (302, 401, False, "state-unknown")


def test_b10_a_state_is_used_up_by_a_failure_too(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection))
    signer.claims["aud"] = "another-client"
    browser.get("/sso/callback", query)
    signer.claims = dict(ANA)
    signer.codes[query["code"]] = {"nonce": "x", "code_challenge": "x"}

    assert_refused(browser.get("/sso/callback", query), browser, "state-unknown")


def test_b10_a_code_used_a_second_time(open_connection, signer, browser):
    used = signer.authorize(start(browser, open_connection))
    browser.get("/sso/callback", used)
    browser.post("/sign-out/")
    fresh = signer.authorize(start(browser, open_connection))

    answer = browser.get("/sso/callback", {**fresh, "code": used["code"]})

    assert (answer.status_code, is_signed_in(browser), cause()) == (401, False, "token-refused")


def test_b11_hs256_with_the_public_key_as_secret(open_connection, signer, browser):
    signer.make = lambda claims: unsigned({"alg": "HS256", "kid": "one"}, claims, fakes.PUBLIC_PEM)

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-algorithm")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "", None, ["RS256"]])
def test_b11_algorithms_that_prove_nothing(open_connection, signer, browser, algorithm):
    signer.make = lambda claims: unsigned({"alg": algorithm, "kid": "one"}, claims)

    answer = sign_in(browser, open_connection, signer)

    assert (answer.status_code, is_signed_in(browser), Identity.objects.count()) == (401, False, 0)
    assert cause() in {"token-algorithm", "token-unreadable"}


def test_a_token_signed_by_another_key_under_the_same_name(open_connection, signer, browser):
    signer.make = lambda claims: signer.signed(claims, key=fakes.OTHER_KEY)

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-signature")


def test_a_token_that_brings_its_own_key(open_connection, signer, browser):
    own = json.loads(fakes.RSAAlgorithm.to_jwk(fakes.OTHER_KEY.public_key()))
    signer.make = lambda claims: fakes.jwt.encode(claims, fakes.OTHER_KEY, algorithm="RS256", headers={"jwk": own, "kid": "one"})

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-signature")


def test_a_key_of_another_family(open_connection, signer, browser):
    signer.make = lambda claims: signer.signed(claims, key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")

    assert_refused(sign_in(browser, open_connection, signer), browser, "key-unknown")


def test_an_unknown_key(open_connection, signer, browser):
    signer.make = lambda claims: signer.signed(claims, kid="two")

    assert_refused(sign_in(browser, open_connection, signer), browser, "key-unknown")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é"])
def test_what_is_no_token_at_all(open_connection, signer, browser, token):
    signer.make = lambda _: token

    assert_refused(sign_in(browser, open_connection, signer), browser, "token-unreadable")


def test_an_issuer_that_only_begins_like_ours(open_connection, signer, browser):
    signer.discovery = {"issuer": f"{signer.issuer}.evil.example"}

    answer = browser.get(f"/sso/{open_connection.public_id}/start")

    assert (answer.status_code, cause()) == (401, "discovery-issuer")


def test_an_answer_that_names_another_issuer(open_connection, signer, browser):
    query = signer.authorize(start(browser, open_connection), iss="https://another.example")

    assert_refused(browser.get("/sso/callback", query), browser, "issuer-mixed-up")


def test_a_discovery_that_points_inside(open_connection, signer, browser):
    signer.discovery = {"token_endpoint": "http://169.254.169.254/latest/"}

    answer = browser.get(f"/sso/{open_connection.public_id}/start")

    assert (answer.status_code, cause()) == (401, "discovery-address")


def test_a_thin_token_is_completed_by_what_the_provider_says_of_the_same_subject(open_connection, signer, browser, ana):
    signer.claims, signer.userinfo = {}, {"sub": "subject-1", **ANA}

    answer = sign_in(browser, open_connection, signer)

    assert (answer.status_code, Identity.objects.get().user) == (302, ana)


def test_what_the_provider_says_of_another_subject_counts_for_nothing(open_connection, signer, browser):
    signer.claims, signer.userinfo = {}, {"sub": "subject-2", **ANA}

    assert_refused(sign_in(browser, open_connection, signer), browser, "userinfo-subject")


def test_nobody_is_created_by_a_forged_token(open_connection, signer, browser):
    open_connection.is_creating_users = True
    open_connection.default_role = "agent"
    open_connection.save()
    signer.claims["email"] = "new@acme.example"
    signer.make = lambda claims: signer.signed(claims, key=fakes.OTHER_KEY)

    sign_in(browser, open_connection, signer)

    assert not User.objects.filter(email="new@acme.example").exists()

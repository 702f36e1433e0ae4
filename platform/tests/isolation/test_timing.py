"""Attack cases B03 and B05: a known and an unknown address take the same time, whatever is asked about them."""

import random

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client
from kernel import redis as redis_client
from kernel import tenancy
from shared_apps.accounts import backends
from shared_apps.accounts.models import User
from shared_apps.accounts.services import passwords, users

from tests.isolation import timing

ARGON = "django.contrib.auth.hashers.Argon2PasswordHasher"
KNOWN, UNKNOWN = "ana@acme.example", "nob@acme.example"
PAIRS, FULL, FULL_HASHING = 250, 2000, 600  # production's hash takes half a second on a small machine


class LightArgon(Argon2PasswordHasher):
    """Production's hash at a hundredth of its cost, so that what else differs is not lost in it."""

    time_cost, memory_cost, parallelism = 1, 8192, 1


@pytest.fixture
def client(acme, db, settings, monkeypatch, is_full):
    """One client of acme's host, and nothing counted against it. The full form hashes as production does."""
    settings.PASSWORD_HASHERS = [ARGON if is_full else f"{__name__}.LightArgon"]
    with tenancy.tenant_scope(acme):
        user = User.objects.get(email=KNOWN)
        user.set_password("atende-demo")
        user.save(update_fields=["password"])
    for module, names in ((users, ("PER_ADDRESS", "PER_ACCOUNT", "PER_TENANT")), (passwords, ("PER_ADDRESS", "PER_ACCOUNT", "PER_TENANT"))):
        for name in names:
            monkeypatch.setattr(module, name, "1000000/minute")
    monkeypatch.setattr(passwords, "LINKS_PER_ADDRESS", "1000000/minute")
    redis_client.client().flushdb()
    return Client(HTTP_HOST=acme.host)


def asks(client, kind):
    """The same question about the known and about the unknown address."""
    paths = {"sign-in": ("/sign-in/", {"password": "not the one"}), "reset": ("/password-reset/", {})}

    def ask(email):
        path, form = paths[kind]
        return lambda: client.post(path, {**form, "email": email})

    for email in (KNOWN, UNKNOWN):
        for _ in range(5):  # whatever a process remembers after the first time
            ask(email)()
    return ask(KNOWN), ask(UNKNOWN)


@pytest.mark.timeout(300)
def test_b05_a_sign_in_takes_as_long_for_an_unknown_address(client, is_full, counted):
    pairs = FULL_HASHING if is_full else PAIRS
    counted("timing of sign-ins", pairs=pairs)

    assert not timing.differ(*asks(client, "sign-in"), pairs)


@pytest.mark.timeout(300)
def test_b03_a_forgotten_password_takes_as_long_for_an_unknown_address(client, is_full, counted):
    pairs = FULL if is_full else PAIRS
    counted("timing of resets", pairs=pairs)

    assert not timing.differ(*asks(client, "reset"), pairs)


def test_a_shortcut_for_unknown_addresses_would_be_seen(client, monkeypatch):
    """As it was in other products: no hash is made where there is nobody to compare with."""
    real = backends.EmailBackend.authenticate

    def hasty(self, request, email="", password="", **rest):
        found = User.objects.filter(email__iexact=email).exists()
        return real(self, request, email=email, password=password, **rest) if found else None

    monkeypatch.setattr(backends.EmailBackend, "authenticate", hasty)

    assert timing.differ(*asks(client, "sign-in"), 40)


def test_an_entry_written_for_known_addresses_alone_would_be_seen(client, monkeypatch, acme):
    """Why a refused sign-in is handed to a worker: what it writes takes its time."""
    from shared_apps.accounts.services import refused

    def at_once(*, user, reason):
        if user is not None:
            monkeypatch.setattr(refused, "PER_ACCOUNT", "1000000/minute")
            refused.note_refused_sign_in(user_id=user.pk, reason=reason)

    monkeypatch.setattr(refused, "tell_of_refusal", at_once)

    first, second = timing.seconds_of_pairs(*asks(client, "sign-in"), 40)

    assert timing.rank_auc(second, first) > 0.55


def test_the_measure_knows_alike_from_different():
    one = [random.gauss(0.010, 0.001) for _ in range(1000)]
    other = [random.gauss(0.010, 0.001) for _ in range(1000)]

    assert timing.rank_auc([1.0, 2.0], [3.0, 4.0]) == 1.0
    assert timing.rank_auc([1.0, 1.0], [1.0, 1.0]) == 0.5
    assert not timing.is_told_apart(one, other)
    assert timing.is_told_apart(one, [value + 0.002 for value in other])
    assert not timing.is_told_apart(one, [value + 0.0001 for value in other])

"""The mask list: secrets go, and what only speaks of them stays."""

import datetime
import uuid

import pytest

from kernel.ids import new_id
from kernel.masking import MASK, is_secret_name, masked


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "clientSecret",
        "client_secret",
        "api_key",
        "apiKey",
        "access_token",
        "Authorization",
        "recovery-keys",
        "otp",
    ],
)
def test_secret_names(name):
    assert is_secret_name(name)
    assert masked({name: ["old", "new"]}) == {name: [MASK, MASK]}


@pytest.mark.parametrize(
    "name", ["name", "key_id", "token_prefix", "status", "monkey", "keyboard", "subject", "last_login", "key_count", "email"]
)
def test_names_that_hold_no_secret(name):
    assert not is_secret_name(name)
    assert masked({name: ["old", "new"]}) == {name: ["old", "new"]}


def test_setting_and_removing_a_secret_can_be_told_apart():
    assert masked({"secret": [None, "x"]}) == {"secret": [None, MASK]}
    assert masked({"secret": ["x", ""]}) == {"secret": [MASK, ""]}


@pytest.mark.parametrize(
    "text",
    [
        "atk_" + "0a" * 30,
        "whsec_" + "QUJD" * 10,
        "Authorization: Bearer abcdefghijklmnop",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_our_own_secrets_are_seen_by_their_shape(text):
    kept = masked({"note": [None, f"see {text}"]})["note"][1]

    assert kept.startswith("see ")
    assert MASK in kept
    assert text[-12:] not in kept


def test_nested_values_are_masked_and_everything_is_plain_json():
    moment, public_id = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), new_id()

    kept = masked({"config": [{"host": "h", "auth": {"password": "p"}}, {"tokens": ["a", "b"]}], "at": moment, "id": public_id, "n": 1})

    assert kept["config"] == [{"host": "h", "auth": {"password": MASK}}, {"tokens": [MASK, MASK]}]
    assert (kept["at"], uuid.UUID(kept["id"]), kept["n"]) == ("2026-01-02T00:00:00+00:00", public_id, 1)

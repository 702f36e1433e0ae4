"""Sealed values and derived keys."""

import pytest

from kernel import crypto, tenancy


def test_a_sealed_value_opens_in_its_context_only():
    token = crypto.seal(b"secret", context="row 1")

    assert crypto.unseal(token, context="row 1") == b"secret"
    with pytest.raises(crypto.SealBroken):
        crypto.unseal(token, context="row 2")


@pytest.mark.parametrize("token", ["", "k1.", "k1.AAAA", "nonsense"])
def test_a_broken_value_does_not_open(token):
    with pytest.raises(crypto.SealBroken):
        crypto.unseal(token, context="row 1")


def test_derived_keys_differ_by_tenant_and_purpose(acme, globex):
    with tenancy.tenant_scope(acme):
        one, other = crypto.derive_key("a"), crypto.derive_key("b")
    with tenancy.tenant_scope(globex):
        foreign = crypto.derive_key("a")

    assert len({one, other, foreign}) == 3

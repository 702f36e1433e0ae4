"""Secrets at rest (AES-256-GCM bound to a context) and keys derived per tenant."""

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from kernel import tenancy

_PREFIX = "k1."
_NONCE_BYTES = 12


class SealBroken(ValueError):
    """The sealed value was altered, belongs to another context, or was sealed with a key we do not have."""


def seal(plain: bytes, *, context: str) -> str:
    """Encrypts `plain` for storage. It opens again only with the same `context`, for example `channelroute:<id>`."""
    nonce = os.urandom(_NONCE_BYTES)
    body = AESGCM(_root("seal")).encrypt(nonce, plain, context.encode())
    return _PREFIX + base64.urlsafe_b64encode(nonce + body).decode()


def unseal(token: str, *, context: str) -> bytes:
    """The value behind `token`. Raises SealBroken."""
    try:
        raw = base64.urlsafe_b64decode(token.removeprefix(_PREFIX))
        return AESGCM(_root("seal")).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken("The value does not open in this context") from error


def derive_key(purpose: str, *, owner: str = "") -> bytes:
    """32 bytes that belong to the scope (tenant or public) and this purpose alone.

    `owner` names another scope's key instead: only for checking what was carried over from a tenant that is gone.
    """
    return _root(f"{owner or tenancy.scope_key()}|{purpose}")


def digest(value: str) -> str:
    """SHA-256 in hex, for looking up high-entropy tokens without storing them."""
    return hashlib.sha256(value.encode()).hexdigest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Comparison in constant time."""
    return hmac.compare_digest(left.encode() if isinstance(left, str) else left, right.encode() if isinstance(right, str) else right)


def _root(info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"atende", info=info.encode()).derive(settings.SECRET_KEY.encode())

"""Channel secrets under a passphrase, so that they can travel: scrypt (RFC 7914) and AES-256-GCM bound to the route."""

import base64
import os
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from shared_apps.tenants.errors import ArchiveRefused

MIN_LENGTH: Final = 12
_N, _R, _P = 2**15, 8, 1
_MAX_N: Final = 2**18  # what an archive may make us spend: 256 MB for a moment
_NONCE_BYTES: Final = 12
_CHECK: Final = "passphrase"


class Wrapping:
    """The key that a passphrase and a salt make."""

    def __init__(self, passphrase: str, *, salt: bytes = b"", n: int = _N) -> None:
        self._salt, self._n = salt or os.urandom(16), n
        self._key = AESGCM(Scrypt(salt=self._salt, length=32, n=n, r=_R, p=_P).derive(passphrase.encode()))

    @classmethod
    def of_manifest(cls, stored: dict[str, Any], passphrase: str) -> "Wrapping":  # Any: JSON
        """The key an archive was wrapped with. Raises ArchiveRefused for another passphrase."""
        n = int(stored["n"])
        if not 2 <= n <= _MAX_N or n & (n - 1):
            raise ArchiveRefused("The archive's key parameters are not acceptable")
        wrapping = cls(passphrase, salt=base64.b64decode(stored["salt"]), n=n)
        wrapping.unwrap(stored["check"], context=_CHECK)
        return wrapping

    def parameters(self) -> dict[str, Any]:  # Any: JSON
        """What the manifest keeps, and a value by which a wrong passphrase is noticed."""
        check = self.wrap("", context=_CHECK)
        return {"kdf": "scrypt", "salt": base64.b64encode(self._salt).decode(), "n": self._n, "r": _R, "p": _P, "check": check}

    def wrap(self, secret: str, *, context: str) -> str:
        """The secret, readable with the passphrase and this context only."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._key.encrypt(nonce, secret.encode(), context.encode())).decode()

    def unwrap(self, wrapped: str, *, context: str) -> str:
        """The secret again. Raises ArchiveRefused."""
        try:
            raw = base64.b64decode(wrapped)
            return self._key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise ArchiveRefused("The passphrase does not open this archive's secrets") from error


def read_passphrase(path: Path) -> str:
    """The first line of a file. Raises ArchiveRefused for a missing or short one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}") from error
    if not lines or len(lines[0]) < MIN_LENGTH:
        raise ArchiveRefused(f"The passphrase needs at least {MIN_LENGTH} characters")
    return lines[0]

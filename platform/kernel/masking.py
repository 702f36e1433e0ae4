"""What is never written down: the one list of names and shapes of secrets, for everything that keeps or shows values."""

import re
from typing import Any, Final

import orjson

MASK: Final = "••••"
_WORDS: Final = frozenset(
    {
        *("password", "passphrase", "passwd", "secret", "secrets", "token", "tokens", "key", "keys", "otp", "totp", "pin"),
        *("credential", "credentials", "authorization", "cookie", "assertion"),
    }
)
_HARMLESS_ENDINGS: Final = ("_id", "_ids", "_prefix", "_count", "_at", "_name")
_PARTS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SHAPES: Final = re.compile(
    r"atk_[0-9a-f]{12,}|whsec_[A-Za-z0-9+/=]{16,}|(?i:bearer)\s+[\w.~+/=-]{12,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret; names that only point to one (`key_id`, `token_prefix`) do not."""
    if name.lower().endswith(_HARMLESS_ENDINGS):
        return False
    return any(part.lower() in _WORDS for part in _PARTS.findall(name))


def masked(value: Any) -> Any:  # Any: JSON
    """The value as plain JSON, without secrets: values under secret names, and whatever looks like one of our own secrets.

    `None` and empty text stay, so that setting and removing a secret can be told apart.
    """
    plain = orjson.loads(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS))
    return _masked(plain, is_secret=False)


def _masked(value: Any, *, is_secret: bool) -> Any:  # Any: JSON
    if isinstance(value, dict):
        return {name: _masked(inner, is_secret=is_secret or is_secret_name(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, is_secret=is_secret) for inner in value]
    if is_secret:
        return value if value is None or value == "" or isinstance(value, bool) else MASK
    return _SHAPES.sub(MASK, value).replace("\x00", "") if isinstance(value, str) else value

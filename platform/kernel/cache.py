"""Cache keys that carry the tenant: using the cache with no scope entered is an error."""

from kernel.tenancy import scope_key


def scoped_key(key: str, key_prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION."""
    return f"cache:{scope_key()}:{key_prefix}:{version}:{key}"

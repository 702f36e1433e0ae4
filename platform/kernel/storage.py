"""Stored files: random keys below the tenant's own folder; the tenant is read at each call, never at construction."""

import hashlib
import re
import secrets

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from kernel import tenancy


def put(content: bytes) -> str:
    """Stores the bytes for the tenant in scope and returns their key, `<tenant uuid>/<2 hex>/<40 hex>`."""
    name = secrets.token_hex(20)
    return default_storage.save(f"{tenancy.current_tenant().id}/{name[:2]}/{name}", ContentFile(content))


def get(key: str) -> bytes:
    """The bytes behind a key. Raises FileNotFoundError, also for a key of another tenant or one that climbs out of the folder."""
    if not re.fullmatch(rf"{tenancy.current_tenant().id}/[0-9a-f]{{2}}/[0-9a-f]{{40}}", key):
        raise FileNotFoundError(key)
    with default_storage.open(key, "rb") as file:
        return bytes(file.read())


def sha256(content: bytes) -> str:
    """The digest kept beside each file, in hex."""
    return hashlib.sha256(content).hexdigest()

"""Stored files: random keys below the tenant's own folder; the tenant is read at each call, never at construction."""

import hashlib
import re
import secrets
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from kernel import tenancy

BLOCK: Final = 256 * 1024


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


def blocks(key: str) -> Iterator[bytes]:
    """The bytes behind any tenant's key, piece by piece; for copying whole tenants. Raises FileNotFoundError."""
    with default_storage.open(key, "rb") as file:
        yield from file.chunks(BLOCK)


def put_blocks(key: str, content: Iterable[bytes]) -> None:
    """Stores bytes under exactly this key, whatever lay there before; for copying whole tenants."""
    with tempfile.TemporaryFile() as gathered:
        for block in content:
            gathered.write(block)
        gathered.seek(0)
        default_storage.delete(key)
        saved = default_storage.save(key, File(gathered))
    if saved != key:
        raise OSError(f"The storage took {saved} instead of {key}")


def keys_of(tenant_id: uuid.UUID | str) -> Iterator[str]:
    """The keys of all stored files of a tenant."""
    return _below(str(tenant_id))


def remove_all(tenant_id: uuid.UUID | str) -> int:
    """Deletes every stored file of a tenant, and its folders. Returns the number of files; a second call returns 0."""
    removed = 0
    for key in list(keys_of(tenant_id)):
        default_storage.delete(key)
        removed += 1
    _remove_folders(str(tenant_id))
    return removed


def _below(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _below(f"{folder}/{name}")


def _remove_folders(folder: str) -> None:
    try:
        folders, _ = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in folders:
        _remove_folders(f"{folder}/{name}")
    default_storage.delete(folder)

"""Tells whether the code changed since the set-up steps last ran."""

import hashlib
from pathlib import Path

from infra.dev import folders

_FOLDERS = ("platform", "shared_apps", "tenant_apps", "locale")
_SKIPPED = {"__pycache__", "tests"}


def code_fingerprint() -> str:
    """A digest over names, sizes and times of everything that can change what the set-up steps do."""
    digest = hashlib.sha256()
    for top in _FOLDERS:
        for path in sorted((folders.ROOT / top).rglob("*")):
            if path.is_file() and not _SKIPPED & set(path.parts):
                status = path.stat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    digest.update((folders.ROOT / "requirements.txt").read_bytes())
    return digest.hexdigest()


def is_done(stamp: Path, fingerprint: str) -> bool:
    """Whether the steps ran to their end for exactly this."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == fingerprint


def mark_done(stamp: Path, fingerprint: str) -> None:
    """Remembers that they did."""
    folders.write_private(stamp, fingerprint + "\n")

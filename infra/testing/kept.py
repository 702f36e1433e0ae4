"""Keeps the built template from one run to the next: a copy of the server's folder per fingerprint of what builds it."""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from infra.dev import folders
from infra.testing.clusters import is_run_on_second

_FOLDER = folders.ROOT / ".atende-test"
_PATTERNS = (
    "*_apps/*/migrations/*.py",
    "*_apps/*/models.py",
    "*_apps/*/models/*.py",
    "*_apps/*/provisioning.py",
    "*_apps/access/**/*.py",
    "*_apps/accounts/**/*.py",
    "*_apps/connectors/services/*.py",
    "*_apps/tenants/**/*.*",
    "platform/kernel/**/*.py",
    "platform/config/settings/*.py",
    "platform/config/demo/people.py",
    "infra/testing/*.py",
    "infra/dev/postgres.py",
    "requirements.txt",
)


def is_wanted() -> bool:
    """Not in CI, which always builds anew, and not with tenants on a second server; `ATENDE_TEST_CACHE=0` says no."""
    return not os.environ.get("CI") and not is_run_on_second() and os.environ.get("ATENDE_TEST_CACHE", "1") != "0"


@functools.cache
def fingerprint() -> str:
    """A digest over everything that takes part in building the template."""
    digest = hashlib.sha256()
    paths = {path for pattern in _PATTERNS for path in folders.ROOT.glob(pattern)}
    for path in sorted(path for path in paths if path.is_file() and not {"tests", "__pycache__"} & set(path.parts)):
        digest.update(str(path.relative_to(folders.ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


def passwords() -> dict[str, str]:
    """The log-ins of the kept server, or nothing."""
    return {name: str(value) for name, value in folders.read_json(_kept() / "passwords.json").items()} if is_wanted() else {}


def restore(folder: Path) -> bool:
    """Copies the kept server into a run's folder; tells whether there was one."""
    if not is_wanted() or not passwords():
        return False
    _copy(_kept() / "postgres", folder / "postgres")
    (folder / "template.ready").touch()
    return True


def keep(folder: Path, its_passwords: dict[str, str]) -> None:
    """Copies a stopped server out of a run's folder, and drops older ones."""
    if not is_wanted() or _kept().exists():
        return
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    fresh = _FOLDER / f"new-{os.getpid()}"
    fresh.mkdir()
    _copy(folder / "postgres", fresh / "postgres")
    folders.write_json(fresh / "passwords.json", its_passwords)
    if not _kept().exists():
        fresh.rename(_kept())


def _kept() -> Path:
    return _FOLDER / fingerprint()


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which the server insists on."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)

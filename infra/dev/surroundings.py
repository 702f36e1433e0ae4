"""The environment every child gets: secrets made once, ports, and where the servers are."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from infra.dev import folders
from infra.dev.postgres import APP, OWNER, SUPERUSER

REMEMBERED = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "ATENDE_CLUSTERS",
    "REDIS_URL",
    "ATENDE_ENV",
    "ATENDE_DEMO",
    "ATENDE_BASE_HOST",
    "ATENDE_PORT",
    "ATENDE_SMTP_PORT",
    "ATENDE_SMTP_OUT_URL",
    "ATENDE_CATCHER_DIR",
    "ATENDE_SECRET_KEY",
    "ATENDE_DATA_DIR",
)


def load_secrets(folder: Path) -> dict[str, str]:
    """Passwords and the secret key of this data folder, made at the first start."""
    file = folder / "secrets.json"
    known = folders.read_json(file)
    names = (SUPERUSER, OWNER, APP, "valkey", "secret_key")
    complete = {name: str(known.get(name) or secrets.token_urlsafe(36)) for name in names}
    if complete != known:
        folders.write_json(file, complete)
    return complete


def base_environment(environ: Mapping[str, str], folder: Path, made: Mapping[str, str], *, catcher_port: int) -> dict[str, str]:
    """What is set for the children before the servers are known; the caller's own settings win."""
    defaults = {
        "ATENDE_ENV": "development",
        "ATENDE_DEMO": "1",
        "ATENDE_BASE_HOST": "localhost",
        "ATENDE_PORT": "8000",
        "ATENDE_SMTP_PORT": "2525",
        "ATENDE_SMTP_OUT_URL": f"smtp://127.0.0.1:{catcher_port}",
        "ATENDE_CATCHER_DIR": str(folder / "catcher"),
        "ATENDE_SECRET_KEY": made["secret_key"],
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "PYTHONUNBUFFERED": "1",
    }
    given = {name: value for name, value in environ.items() if value and name != "PYTHONDONTWRITEBYTECODE"}
    return {**given, **{name: value for name, value in defaults.items() if name not in given}, "ATENDE_DATA_DIR": str(folder)}


def remember(folder: Path, environment: Mapping[str, str]) -> None:
    """Writes `env`, from which commands in another shell learn where the servers are."""
    lines = [f"{name}={environment[name]}" for name in REMEMBERED if environment.get(name)]
    folders.write_private(folder / "env", "\n".join(lines) + "\n")

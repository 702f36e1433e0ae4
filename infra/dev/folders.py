"""Where the tooling keeps its files: the project root and the data folder."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder named by ATENDE_DATA_DIR, or `.atende` beside the code."""
    named = (environ if environ is not None else os.environ).get("ATENDE_DATA_DIR")
    return (Path(named) if named else ROOT / ".atende").absolute()


def create_data_folder(folder: Path) -> None:
    """Makes the folder. Others may pass through it (the database runs as another user), and read nothing in it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    for name in ("logs", "valkey"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner reads it."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:  # Any: JSON
    """The object stored in a file; an absent or damaged file is an empty one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Stores an object in one step, readable by its owner only."""
    write_private(path, json.dumps(value, indent=2) + "\n")

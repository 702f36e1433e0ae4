"""`make down` stops a running system, `make reset` also deletes its data, `make logs` follows what it says."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from infra.dev import folders
from infra.dev.postgres import remove_home
from infra.dev.steps import console
from infra.dev.supervisor import end_leftovers

_MADE_BY_US = ("ports.json", "secrets.json")


def stop(folder: Path) -> bool:
    """Stops the supervisor of this data folder, and whatever a killed one left behind. Tells whether anything ran."""
    pid = folders.read_json(folder / "state.json").get("supervisor")
    asked = False
    if isinstance(pid, int) and _is_supervisor(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            asked = True
        deadline = time.monotonic() + 40
        while _is_supervisor(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
    left = end_leftovers(folder)
    (folder / "state.json").unlink(missing_ok=True)
    return asked or left > 0


def reset(folder: Path) -> None:
    """Stops, then deletes the data folder. Refuses a folder that is not ours."""
    stop(folder)
    if not folder.exists():
        return
    if not all((folder / name).is_file() for name in _MADE_BY_US):
        raise SystemExit(f"{folder} does not look like a data folder of `make up`; nothing was deleted")
    remove_home(folder)
    shutil.rmtree(folder)


def follow(folder: Path) -> int:
    """Shows the logs of all processes as they grow."""
    files = [str(path) for path in sorted((folder / "logs").glob("*.log"))]
    if not files:
        console.print("No logs yet; `make up` writes them")
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.run(["tail", "-n", "20", "-F", *files], check=False).returncode
    return 0


def _is_supervisor(pid: int) -> bool:
    try:
        return "infra.dev.up" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def main() -> int:
    """Command line: down, reset or logs."""
    folder = folders.data_folder()
    wish = sys.argv[1] if len(sys.argv) > 1 else "down"
    if wish == "logs":
        return follow(folder)
    if wish == "reset":
        reset(folder)
        console.print(f"Deleted {folder}")
        return 0
    console.print("Stopped" if stop(folder) else "Nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())

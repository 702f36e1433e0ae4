"""`make check`: runs every check, two at a time, and tells each one's time; what failed is shown in full at the end."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console

from infra.dev.folders import ROOT

_BIN = ROOT / ".venv" / "bin"
console = Console(highlight=False, markup=False)


@dataclass(frozen=True)
class Check:
    """A command that exits 0 when all is well."""

    name: str
    command: list[str]


def checks() -> list[Check]:
    """The long ones first, so that the short ones fill the gaps."""
    python = sys.executable
    return [
        Check("layout", [python, "-m", "infra.checks.layout"]),
        Check("mypy", [str(_BIN / "mypy")]),
        Check("openapi", [python, "-m", "infra.checks.openapi"]),
        Check("migrations", [python, "-m", "infra.checks.migrations"]),
        Check("documents", [python, "-m", "infra.checks.documents"]),
        Check("reference", [python, "manage.py", "write_reference", "--check"]),
        Check("pinned ids", [python, "manage.py", "pin_ids", "--check"]),
        Check("imports", [str(_BIN / "lint-imports"), "--no-cache"]),
        Check("ruff check", [str(_BIN / "ruff"), "check", "--quiet", "."]),
        Check("ruff format", [str(_BIN / "ruff"), "format", "--check", "--quiet", "."]),
        Check("deptry", [str(_BIN / "deptry"), "."]),
        Check("lock", [python, "-m", "infra.checks.lock"]),
        Check("django", [python, "manage.py", "check", "--fail-level", "WARNING"]),
    ]


def environment() -> dict[str, str]:
    """The settings of a check: no servers, no data folder, nothing of the caller's product settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATENDE_", "DATABASE_", "REDIS_"))}
    return {
        **kept,
        "ATENDE_ENV": "test",
        "ATENDE_DATA_DIR": str(ROOT / ".atende-check"),
        "ATENDE_SECRET_KEY": "check-only-" + "k" * 40,
        "DATABASE_URL": "postgres://check@127.0.0.1:1/check",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "NO_COLOR": "1",
    }


def run(check: Check) -> tuple[Check, int, str]:
    """Runs one check and prints its line."""
    started = time.monotonic()
    done = subprocess.run(check.command, cwd=ROOT, env=environment(), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    output = (done.stdout + done.stderr).strip()
    last = output.splitlines()[-1] if output else ""
    console.print(f"{'✔' if done.returncode == 0 else '✘'} {check.name:<12} {time.monotonic() - started:5.1f} s  {last[:110]}")
    return check, done.returncode, output


def main() -> int:
    """Runs the named checks, or all."""
    names = set(sys.argv[1:])
    wanted = [check for check in checks() if not names or check.name in names]
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        results = list(pool.map(run, wanted))
    failed = [(check, output) for check, code, output in results if code]
    for check, output in failed:
        console.print(f"\n--- {check.name}: {' '.join(check.command[-3:])}\n{output}")
    console.print(f"\n{len(results) - len(failed)} of {len(results)} checks passed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

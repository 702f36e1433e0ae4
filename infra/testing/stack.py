"""The whole system for a test: `make up` in a folder of its own, on free ports, from outside like anybody else."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from infra.dev import folders, ports
from infra.dev.down import reset
from infra.testing.scratch import scratch_folder

_OWN_PREFIXES = ("ATENDE_", "DATABASE_", "REDIS_", "DJANGO_", "PYTEST_")


class StackFailed(RuntimeError):
    """The system did not get ready; the message ends with what it said."""


class Stack:
    """A running system with the demonstration data."""

    def __init__(self) -> None:
        self.folder = scratch_folder("atende-stack-")
        self.port, self.smtp_port = ports.free_port(), ports.free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIXES)}
        self.environment = {
            **kept,
            "ATENDE_DATA_DIR": str(self.folder),
            "ATENDE_PORT": str(self.port),
            "ATENDE_SMTP_PORT": str(self.smtp_port),
            "ATENDE_DEMO_SCALE": os.environ.get("ATENDE_STACK_SCALE", "0.2"),
            "ATENDE_WEB_WORKERS": "1",
        }
        self._supervisor: subprocess.Popen[bytes] | None = None

    # --- life --------------------------------------------------------------------------------------------------------
    def start(self, *, seconds: float = 240) -> None:
        """Starts the supervisor and returns when it says that everything is ready."""
        with (self.folder / "up.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "infra.dev.up"],
                cwd=folders.ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self.state().get("is_ready"):
            if self._supervisor.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.stop()
                raise StackFailed(f"The system did not get ready\n{said}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops everything and deletes its data."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.send_signal(signal.SIGTERM)
            try:
                self._supervisor.wait(40)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
        if (self.folder / "secrets.json").exists():
            reset(self.folder)

    # --- addresses ---------------------------------------------------------------------------------------------------
    @property
    def base_url(self) -> str:
        """The base host: operators, the mail catcher."""
        return f"http://localhost:{self.port}"

    def url(self, tenant: str) -> str:
        """A tenant's site, for a browser."""
        return f"http://{tenant}.localhost:{self.port}"

    def host(self, tenant: str = "") -> str:
        """The Host header of a tenant, or of the base host; programs connect to 127.0.0.1."""
        return f"{tenant}.localhost:{self.port}" if tenant else f"localhost:{self.port}"

    # --- processes ---------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:  # Any: JSON
        """What the supervisor writes down."""
        return folders.read_json(self.folder / "state.json")

    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {name: int(child["pid"]) for name, child in self.state().get("children", {}).items()}

    def restarts(self, name: str) -> int:
        """How often a process was started again."""
        return int(self.state()["children"][name]["restarts"])

    def kill(self, name: str) -> int:
        """kill -9 of a process; the supervisor starts it again. Returns the pid it had."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, name: str, old_pid: int, *, seconds: float = 30) -> None:
        """Returns once the process runs under another pid."""
        deadline = time.monotonic() + seconds
        while self.pids().get(name) in {old_pid, None}:
            if time.monotonic() > deadline:
                raise StackFailed(f"{name} was not started again\n{self.said()}")
            time.sleep(0.1)

    def said(self, *, lines: int = 60) -> str:
        """The end of the log."""
        return "\n".join((self.folder / "up.log").read_text(errors="replace").splitlines()[-lines:])

    # --- commands ----------------------------------------------------------------------------------------------------
    def manage(self, *arguments: str) -> str:
        """Runs a management command as a person would in another shell; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=folders.ROOT,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise StackFailed(f"manage.py {' '.join(arguments)} failed\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def api_key(self, tenant: str, user: str, name: str = "test") -> str:
        """A new API key of a demonstration user, `ana` for instance."""
        printed = self.manage("create_api_key", "--tenant", tenant, "--user", f"{user}@{tenant}.example", "--name", name)
        return printed.strip().splitlines()[-1]

    def hook(self) -> dict[str, str]:
        """Route key and secret of acme's generic channel, as the demonstration made it."""
        found: dict[str, str] = json.loads((self.folder / "demo.json").read_text())["acme"]
        return found

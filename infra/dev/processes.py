"""Which programs `make up` runs, which steps come before them, and what it says when they are ready."""

import asyncio
import http.client
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from infra.dev.supervisor import Program

Tell = Callable[[str], None]
DEMO_PASSWORD = "atende-demo"
_LANES = "intake,outbound,default,bulk"
_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"  # tasks are JSON, never pickles


def setup_commands(environment: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The steps before the processes, each idempotent."""
    steps = [
        ("Database roles and rights", ["manage.py", "prepare_database"]),
        ("Schemas", ["manage.py", "migrate_platform"]),
        ("Static files", ["-m", "infra.dev.static"]),
    ]
    if environment.get("ATENDE_DEMO") == "1":
        steps.append(("Demo tenants", ["manage.py", "seed_demo", *_scale(environment)]))
    return [(label, [sys.executable, *arguments]) for label, arguments in steps]


def _scale(environment: Mapping[str, str]) -> list[str]:
    scale = environment.get("ATENDE_DEMO_SCALE", "")
    return ["--scale", scale] if scale else []


def programs(folder: Path, environment: Mapping[str, str], ports: Mapping[str, int]) -> list[Program]:
    """Everything but the embedded servers, in the order of their start."""
    python = sys.executable
    workers = environment.get("ATENDE_WEB_WORKERS", "2")
    celery = (python, "-W", _ROOT_WARNING, "-m", "celery", "-q", "-A", "config")
    web, live = str(ports["web"]), str(ports["live"])
    commands = {
        "web": [
            *(python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", web, "--workers", workers),
            *("--blocking-threads", "4", "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "5", "--log-level", "warning"),
            "config.wsgi:application",
        ],
        "gateway": [
            *(python, "-m", "infra.dev.gateway", "--port", environment["ATENDE_PORT"], "--web-port", web, "--live-port", live),
        ],
        "live": [
            *(python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", live, "--lifespan", "off", "--log-level", "warning"),
            *("--no-access-log", "--timeout-graceful-shutdown", "3", "config.asgi:application"),
        ],
        "mail": [python, "manage.py", "run_mail"],
        "worker": [
            *(*celery, "worker", "-Q", _LANES, "--concurrency", "2", "--prefetch-multiplier", "1"),
            *("--without-mingle", "--without-gossip", "--loglevel", "WARNING"),
        ],
        "beat": [*celery, "beat", "--schedule", str(folder / "beat-schedule"), "--pidfile", "", "--loglevel", "WARNING"],
    }
    if environment.get("ATENDE_DEMO") == "1":
        commands["catcher"] = [python, "manage.py", "run_mail_catcher"]
    return [Program(name=name, command=_always(command), environment=environment) for name, command in commands.items()]


def _always(command: list[str]) -> Callable[[], list[str]]:
    return lambda: command


async def read_lines(running: Process, lines: list[str], log: TextIO, tell: Tell) -> None:
    """Collects what a set-up command prints until it ends."""
    if running.stdout is None:
        return
    while line := await running.stdout.readline():
        text = line.decode(errors="replace").rstrip()
        log.write(text + "\n")
        if text:
            lines.append(text)
            tell(text.split("\r")[-1].strip().replace("[", "("))


def wait_ready(url: str, host: str, stop: asyncio.Event, *, seconds: float = 120) -> None:
    """Returns once the whole chain answers: gateway, web, database, Valkey."""
    port = int(url.split(":")[2].split("/")[0])
    deadline = time.monotonic() + seconds
    answer = "nothing"
    while time.monotonic() < deadline and not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            connection.request("GET", "/readyz", headers={"Host": host})
            response = connection.getresponse()
            answer = f"{response.status} {response.read(500).decode(errors='replace')}"
            if response.status == 200:
                return
        except OSError as error:
            answer = str(error)
        finally:
            connection.close()
        time.sleep(0.1)
    if not stop.is_set():
        raise TimeoutError(f"{url} does not get ready; it last answered: {answer}")


def summary(environment: Mapping[str, str], seconds: float, folder: Path) -> str:
    """What a person needs next."""
    base, port = environment["ATENDE_BASE_HOST"], environment["ATENDE_PORT"]
    site = f"{base}:{port}"
    lines = [
        "",
        f"[bold green]Atende is ready[/bold green] after {seconds:.1f} s",
        "",
        f"  Acme Bikes        http://acme.{site}",
        f"  Globex            http://globex.{site}",
        f"  Operators         http://{site}",
        f"  API documents     http://acme.{site}/api/docs/",
    ]
    if environment.get("ATENDE_DEMO") != "1":
        lines[3:5] = []
        lines[-1] = f"  API documents     http://<tenant>.{site}/api/docs/"
        return "\n".join([*lines, f"  Mail in (SMTP)    127.0.0.1:{environment['ATENDE_SMTP_PORT']}", *_ending(folder)])
    return "\n".join(
        [
            *lines,
            f"  Mail in (SMTP)    127.0.0.1:{environment['ATENDE_SMTP_PORT']}, for example to support@acme.{base}",
            f"  Mail out          http://{site}/dev/mail/",
            "",
            f"  Log-ins, all with the password [bold]{DEMO_PASSWORD}[/bold]",
            "    operator@atende.example   operator",
            "    ada@acme.example          admin of Acme Bikes",
            "    ana@acme.example          agent of Acme Bikes",
            "    rui@globex.example        agent of Globex",
            *_ending(folder),
        ]
    )


def _ending(folder: Path) -> list[str]:
    return ["", f"  Logs in {folder / 'logs'}; Ctrl-C stops everything.", ""]

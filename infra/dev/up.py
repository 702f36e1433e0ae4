"""`make up`: embedded servers where none are given, set-up steps, and all processes under one supervisor."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TextIO

from rich.text import Text

from infra.dev import fingerprint, folders, ports, processes, surroundings
from infra.dev.postgres import APP, OWNER, SUPERUSER, EmbeddedPostgres, PostgresFailed, home_in
from infra.dev.steps import Steps, console
from infra.dev.supervisor import Program, Supervisor, end_leftovers
from infra.dev.valkey import EmbeddedValkey, ValkeyFailed

_INTERNAL_PORTS = ("postgres", "valkey", "web", "live", "catcher")


class CannotStart(Exception):
    """Something the person has to know and can change; shown without a traceback."""


class Stopped(Exception):
    """The person asked to stop while the start was under way."""


class Start:
    """One run of `make up`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = Steps()
        self.stop_asked = asyncio.Event()
        self.secrets = surroundings.load_secrets(folder)
        self.ports = ports.remembered_ports(folder / "ports.json", _INTERNAL_PORTS)
        self.environment = surroundings.base_environment(os.environ, folder, self.secrets, catcher_port=self.ports["catcher"])
        self.admin_url = ""
        self.is_embedded = not self.environment.get("DATABASE_URL")
        public = {"gateway": int(self.environment["ATENDE_PORT"]), "mail": int(self.environment["ATENDE_SMTP_PORT"])}
        self.supervisor = Supervisor(folder, facts={"ports": {**self.ports, **public}, "is_ready": False})
        self._check()

    def _check(self) -> None:
        if self.environment["ATENDE_ENV"] == "production":
            raise CannotStart("`make up` is for development and demonstrations; unset ATENDE_ENV, or use docker compose for production")
        for setting in ("ATENDE_PORT", "ATENDE_SMTP_PORT"):
            if not ports.is_free(int(self.environment[setting])):
                raise CannotStart(f"Port {self.environment[setting]} is in use; set {setting} to another one")
        if not self.is_embedded and not self.environment.get("DATABASE_OWNER_URL"):
            raise CannotStart("DATABASE_URL is set, so DATABASE_OWNER_URL (the log-in that owns the schemas) must be set too")

    # --- start -------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Starts everything, then waits for the word to stop."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, self.stop_asked.set)
        try:
            await self._start_servers()
            surroundings.remember(self.folder, self.environment)
            await self._set_up()
            await self._start_processes()
            self._tell()
            await self.stop_asked.wait()
        except Stopped:
            pass
        finally:
            await self._stop()

    async def _start_servers(self) -> None:
        if self.is_embedded:
            with self.steps.step("PostgreSQL") as tell:
                await self._start_postgres()
                tell(f"127.0.0.1:{self.ports['postgres']}")
        if not self.environment.get("REDIS_URL"):
            with self.steps.step("Valkey") as tell:
                await self._start_valkey()
                tell(f"127.0.0.1:{self.ports['valkey']}")

    async def _start_postgres(self) -> None:
        port = self.ports["postgres"]
        server = EmbeddedPostgres(home_in(self.folder), {name: self.secrets[name] for name in (SUPERUSER, OWNER, APP)})
        if await asyncio.to_thread(server.initialise):
            (self.folder / "setup.stamp").unlink(missing_ok=True)
        program = Program(
            name="postgres",
            command=lambda: server.command(port),
            environment=server.environment(),
            options=server.identity.popen_arguments(),
            stop_signal=signal.SIGINT,
            stop_seconds=20,
            before_start=server.clear_leftovers,
        )
        await self.supervisor.start(program)
        await self._unless_stopped(asyncio.to_thread(server.wait_ready, port))
        await asyncio.to_thread(server.create_roles, port)
        self.environment["DATABASE_URL"] = server.url(APP, port)
        self.environment["DATABASE_OWNER_URL"] = server.url(OWNER, port)
        self.admin_url = server.url(SUPERUSER, port)

    async def _start_valkey(self) -> None:
        port = self.ports["valkey"]
        server = EmbeddedValkey(self.folder / "valkey", self.secrets["valkey"])
        await self.supervisor.start(Program(name="valkey", command=lambda: server.command(port), environment=dict(os.environ)))
        await self._unless_stopped(asyncio.to_thread(server.wait_ready, port))
        self.environment["REDIS_URL"] = server.url(port)

    async def _set_up(self) -> None:
        stamp = self.folder / "setup.stamp"
        wanted = f"{fingerprint.code_fingerprint()} {self.environment['ATENDE_DEMO']}"
        if self.is_embedded and fingerprint.is_done(stamp, wanted):
            return
        for label, arguments in processes.setup_commands(self.environment):
            with self.steps.step(label) as tell:
                await self._command(arguments, tell)
        fingerprint.mark_done(stamp, wanted)

    async def _command(self, arguments: list[str], tell: "processes.Tell") -> None:
        running = await asyncio.create_subprocess_exec(
            *arguments,
            env=self._set_up_environment(arguments),
            cwd=folders.ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        lines: list[str] = []
        with _log(self.folder / "logs" / "setup.log") as log:
            try:
                await self._unless_stopped(processes.read_lines(running, lines, log, tell))
            except Stopped:
                running.terminate()
                await running.wait()
                raise
        if await running.wait():
            raise CannotStart("\n".join([*lines[-40:], f"`{' '.join(arguments[1:])}` failed"]))

    def _set_up_environment(self, arguments: list[str]) -> dict[str, str]:
        """The superuser's URL goes to the one step that hardens the database, and to no process that serves."""
        needs_admin = bool(self.admin_url) and "prepare_database" in arguments
        return {**self.environment, "DATABASE_ADMIN_URL": self.admin_url} if needs_admin else self.environment

    async def _start_processes(self) -> None:
        with self.steps.step("Processes") as tell:
            for program in processes.programs(self.folder, self.environment, self.ports):
                await self.supervisor.start(program)
            url = f"http://127.0.0.1:{self.environment['ATENDE_PORT']}/readyz"
            await self._unless_stopped(asyncio.to_thread(processes.wait_ready, url, self.environment["ATENDE_BASE_HOST"], self.stop_asked))
            tell(f"{len(self.supervisor.programs)} running")
        self.supervisor.facts["is_ready"] = True
        self.supervisor.write_state()

    async def _unless_stopped(self, work: Awaitable[object]) -> None:
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            raise Stopped
        await working

    def _tell(self) -> None:
        console.print(processes.summary(self.environment, self.steps.seconds, self.folder))

    # --- stop --------------------------------------------------------------------------------------------------------
    async def _stop(self) -> None:
        """Ends the doors first, then the work, then the servers."""
        self.supervisor.is_stopping = True
        self.supervisor.facts["is_ready"] = False
        servers: list[str] = [name for name in ("valkey", "postgres") if name in self.supervisor.programs]
        if servers:
            console.print("Stopping …")
        await self.supervisor.stop([name for name in self.supervisor.programs if name not in servers])
        await self.supervisor.stop(servers)
        (self.folder / "state.json").unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds the data folder's lock. Raises CannotStart where another start has it."""
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart("Atende already runs with this data folder; `make down` stops it") from error
        yield


@contextlib.contextmanager
def _log(path: Path) -> Iterator[TextIO]:
    with path.open("a", encoding="utf-8") as file:
        yield file


async def _run(folder: Path) -> None:
    await Start(folder).run()


def main() -> int:
    """Runs until SIGINT or SIGTERM; the exit status is 0 after a clean stop."""
    folder = folders.data_folder()
    folders.create_data_folder(folder)
    try:
        with only_one(folder):
            ended = end_leftovers(folder)
            if ended:
                console.print(f"Ended {ended} processes an earlier run left behind")
            asyncio.run(_run(folder))
    except (CannotStart, PostgresFailed, ValkeyFailed, TimeoutError) as error:
        console.print("[red]✘[/red]", Text(str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

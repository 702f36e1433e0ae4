"""A PostgreSQL and a Valkey that live in a temporary folder for one test run."""

import dataclasses
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from infra.dev import folders, ports
from infra.dev.postgres import APP, OWNER, STOP_SIGNAL, SUPERUSER, EmbeddedPostgres
from infra.dev.supervisor import die_with_parent
from infra.dev.valkey import EmbeddedValkey
from infra.testing import kept
from infra.testing.clusters import NAME as SECOND
from infra.testing.clusters import SecondServer, is_run_on_second
from infra.testing.scratch import scratch_folder

VARIABLE = "ATENDE_TEST_SERVERS"


@dataclasses.dataclass(frozen=True)
class ServerFacts:
    """What a test process needs to know of the servers; travels to workers in an environment variable."""

    folder: str
    postgres_port: int
    valkey_port: int
    passwords: dict[str, str]

    @classmethod
    def from_environment(cls) -> "ServerFacts | None":
        """The servers another process of this run has chosen, or None."""
        text = os.environ.get(VARIABLE)
        return cls(**json.loads(text)) if text else None

    @classmethod
    def choose(cls) -> "ServerFacts":
        """A new folder, free ports and passwords; nothing runs yet."""
        folder = scratch_folder("atende-test-")
        folders.create_data_folder(folder)
        names = (SUPERUSER, OWNER, APP, "valkey")
        passwords = {name: secrets.token_urlsafe(12) for name in names} | kept.passwords()
        facts = cls(str(folder), ports.free_port(), ports.free_port(), passwords)
        os.environ[VARIABLE] = json.dumps(dataclasses.asdict(facts))
        if is_run_on_second():
            SecondServer.choose(passwords).export()
        return facts

    def postgres(self) -> EmbeddedPostgres:
        """The server's description: URLs, commands."""
        return EmbeddedPostgres(Path(self.folder) / "postgres", self.passwords, is_durable=False)

    def valkey(self) -> EmbeddedValkey:
        """The server's description."""
        return EmbeddedValkey(Path(self.folder) / "valkey", self.passwords["valkey"], is_durable=False)

    def environment(self, database: str, *, redis_database: int = 0) -> dict[str, str]:
        """The product's settings for a database of these servers."""
        postgres, second = self.postgres(), SecondServer.of_run()
        return {
            "ATENDE_CLUSTERS": json.dumps({SECOND: second.urls(database)} if second else {}),
            "DATABASE_URL": postgres.url(APP, self.postgres_port, database),
            "DATABASE_OWNER_URL": postgres.url(OWNER, self.postgres_port, database),
            "REDIS_URL": self.valkey().url(self.valkey_port).removesuffix("/0") + f"/{redis_database}",
            "ATENDE_ENV": "test",
            "ATENDE_DEMO": "1",
            "ATENDE_BASE_HOST": "localhost",
            "ATENDE_PORT": "8000",
            "ATENDE_SMTP_PORT": "2525",
            "ATENDE_SECRET_KEY": "test-only-" + "k" * 40,
            "ATENDE_DATA_DIR": self.folder,
            "ATENDE_CATCHER_DIR": str(Path(self.folder) / "catcher"),
            "ATENDE_METRICS_PORT": "0",
            "ATENDE_LOG_LEVEL": "WARNING",
        }


class RunningServers:
    """The processes; owned by the process that started the test run."""

    def __init__(self, facts: ServerFacts) -> None:
        self.facts = facts
        self.has_kept_template = False
        self._processes: list[tuple[subprocess.Popen[bytes], int]] = []
        self._second = SecondServer.of_run()
        self._second_process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts both and waits until they answer."""
        postgres, valkey = self.facts.postgres(), self.facts.valkey()
        if kept.restore(Path(self.facts.folder)):
            self.has_kept_template = True
        else:
            postgres.home.mkdir(mode=0o700)
            postgres.identity.give(postgres.home)
            postgres.initialise()
        self._start(
            postgres.command(self.facts.postgres_port), int(STOP_SIGNAL), postgres.environment(), **postgres.identity.popen_arguments()
        )
        self._start(valkey.command(self.facts.valkey_port), 15, {})
        postgres.wait_ready(self.facts.postgres_port)
        postgres.create_roles(self.facts.postgres_port)
        valkey.wait_ready(self.facts.valkey_port)
        if self._second:
            self._second_process = self._second.start()

    def _start(self, command: list[str], stop_signal: int, environment: dict[str, str], **options: object) -> None:
        with (Path(self.facts.folder) / "logs" / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(  # type: ignore[call-overload]  # the options are those of an Identity
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent, **options
            )
        self._processes.append((process, stop_signal))

    def stop(self) -> None:
        """Ends both, keeps the template for the next run, and deletes the folder."""
        has_new_template = bool(self._processes) and not self.has_kept_template and (Path(self.facts.folder) / "template.ready").exists()
        if has_new_template:
            _drop_clones(self.facts)
        for process, stop_signal in self._processes:
            process.send_signal(stop_signal)
        for process, _ in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if has_new_template:
            kept.keep(Path(self.facts.folder), self.facts.passwords)
        self._processes.clear()
        if self._second and self._second_process:
            self._second.stop(self._second_process)
        shutil.rmtree(self.facts.folder, ignore_errors=True)


def _drop_clones(facts: ServerFacts) -> None:
    with psycopg.connect(facts.postgres().url(SUPERUSER, facts.postgres_port, "postgres"), autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^(test|fresh)_'").fetchall():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

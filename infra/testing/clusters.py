"""A second PostgreSQL for tests of several clusters: for one test, or for a whole run with both tenants on it."""

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from infra.dev import ports
from infra.dev.postgres import APP, DATABASE, OWNER, STOP_SIGNAL, SUPERUSER, EmbeddedPostgres
from infra.dev.supervisor import die_with_parent
from infra.testing.scratch import scratch_folder

NAME = "second"
RUN_ON_IT = "ATENDE_TEST_CLUSTER"  # `second` puts the tenants of the whole run there
VARIABLE = "ATENDE_TEST_SECOND_SERVER"


def is_run_on_second() -> bool:
    """Whether this run's tenants live on the second cluster."""
    return os.environ.get(RUN_ON_IT) == NAME


@dataclasses.dataclass(frozen=True)
class SecondServer:
    """Where the server is and how to log in; travels to workers in an environment variable."""

    folder: str
    port: int
    passwords: dict[str, str]

    @classmethod
    def choose(cls, passwords: dict[str, str]) -> "SecondServer":
        """A new folder and a free port; nothing runs yet."""
        return cls(str(scratch_folder("atende-second-")), ports.free_port(), passwords)

    @classmethod
    def of_run(cls) -> "SecondServer | None":
        """The server of a run whose tenants live on it."""
        text = os.environ.get(VARIABLE)
        return cls(**json.loads(text)) if text else None

    def export(self) -> None:
        """Tells the workers of this run."""
        os.environ[VARIABLE] = json.dumps(dataclasses.asdict(self))

    def postgres(self) -> EmbeddedPostgres:
        """The server's description."""
        return EmbeddedPostgres(Path(self.folder) / "postgres", self.passwords, is_durable=False)

    def urls(self, database: str) -> dict[str, str]:
        """The cluster's entry in ATENDE_CLUSTERS."""
        server = self.postgres()
        return {"url": server.url(APP, self.port, database), "owner_url": server.url(OWNER, self.port, database)}

    def start(self) -> "subprocess.Popen[bytes]":
        """Makes the server, starts it and waits until it answers."""
        server = self.postgres()
        server.home.mkdir(mode=0o700)
        server.identity.give(server.home)
        server.initialise()
        with (Path(self.folder) / "postgres.log").open("ab") as log:
            process = subprocess.Popen(
                server.command(self.port),
                env=server.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
                **server.identity.popen_arguments(),
            )
        server.wait_ready(self.port)
        server.create_roles(self.port)
        return process

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        """Ends it and deletes its folder."""
        process.send_signal(STOP_SIGNAL)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Makes a database anew, whoever was connected to the old one."""
        self.drop_database(name)
        names = {
            "new": sql.Identifier(name),
            "template": sql.Identifier(template),
            "owner": sql.Identifier(OWNER),
            "app": sql.Identifier(APP),
        }
        with self._administration() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {new} TEMPLATE {template} OWNER {owner} STRATEGY file_copy").format(**names))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {new} FROM PUBLIC").format(**names))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {new} TO {app}").format(**names))

    def drop_database(self, name: str) -> None:
        """Deletes a database."""
        with self._administration() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def clone(self, name: str) -> None:
        """Makes a database that equals the template of the run."""
        self.create_database(name, template=DATABASE)

    def _administration(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.postgres().url(SUPERUSER, self.port, "postgres"), autocommit=True)

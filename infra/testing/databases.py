"""Databases of the throw-away server: the template with two tenants, and its clones."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from infra.dev import folders
from infra.dev.postgres import APP, DATABASE, OWNER, SUPERUSER
from infra.testing.clusters import NAME as SECOND
from infra.testing.clusters import SecondServer
from infra.testing.servers import ServerFacts

TEMPLATE = DATABASE


class TemplateFailed(RuntimeError):
    """The template database could not be built; the message holds what the commands said."""


def ensure_template(facts: ServerFacts) -> None:
    """Builds the template once per run; other workers wait for the one that does."""
    done = Path(facts.folder) / "template.ready"
    with (Path(facts.folder) / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _build(facts)
            done.touch()


def _build(facts: ServerFacts) -> None:
    environment = {**os.environ, **facts.environment(TEMPLATE), "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    environment["DATABASE_ADMIN_URL"] = facts.postgres().url(SUPERUSER, facts.postgres_port, TEMPLATE)
    if second := SecondServer.of_run():
        entry = {**second.urls(TEMPLATE), "admin_url": second.postgres().url(SUPERUSER, second.port, TEMPLATE)}
        environment["ATENDE_CLUSTERS"] = json.dumps({SECOND: entry})
    for arguments in (
        ["manage.py", "prepare_database"],
        ["manage.py", "migrate_platform"],
        ["-m", "infra.testing.template"],
    ):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folders.ROOT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise TemplateFailed(f"{' '.join(arguments)} failed\n{done.stdout}\n{done.stderr}")


def clone(facts: ServerFacts, name: str) -> None:
    """Makes a database that equals the template; on both servers in a run that has two."""
    if second := SecondServer.of_run():
        second.clone(name)
    with _administration(facts) as connection:
        names = {
            "new": sql.Identifier(name),
            "template": sql.Identifier(TEMPLATE),
            "owner": sql.Identifier(OWNER),
            "app": sql.Identifier(APP),
        }
        connection.execute(sql.SQL("CREATE DATABASE {new} TEMPLATE {template} OWNER {owner} STRATEGY file_copy").format(**names))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {new} FROM PUBLIC").format(**names))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {new} TO {app}").format(**names))


def drop(facts: ServerFacts, name: str) -> None:
    """Deletes a clone, whoever is still connected to it."""
    if second := SecondServer.of_run():
        second.drop_database(name)
    with _administration(facts) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def superuser_url(facts: ServerFacts, cluster: str, database: str) -> str:
    """How a test becomes the superuser of the server that holds a cluster's tenants."""
    return _url(facts, SUPERUSER, cluster, database)


def owner_url(facts: ServerFacts, cluster: str, database: str) -> str:
    """The same for the owner."""
    return _url(facts, OWNER, cluster, database)


def runtime_url(facts: ServerFacts, cluster: str, database: str) -> str:
    """The same for the runtime log-in, beside the product's own connections."""
    return _url(facts, APP, cluster, database)


def _url(facts: ServerFacts, log_in: str, cluster: str, database: str) -> str:
    second = SecondServer.of_run()
    if second and cluster == SECOND:
        return second.postgres().url(log_in, second.port, database)
    return facts.postgres().url(log_in, facts.postgres_port, database)


def _administration(facts: ServerFacts) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(facts.postgres().url(SUPERUSER, facts.postgres_port, "postgres"), autocommit=True)

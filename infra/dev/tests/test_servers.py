"""The embedded database: it survives being killed, and never touches a server that is not ours."""

import os
import pwd
import signal
import socket
import subprocess

import psycopg
import pytest

from infra.dev import postgres
from infra.dev.ports import free_port, remembered_ports
from infra.testing.plugin import FACTS

PASSWORDS = {postgres.SUPERUSER: "s", postgres.OWNER: "o", postgres.APP: "a"}


@pytest.fixture
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for path in (folder, *folder.parents):
        if path.owner() == own_name() and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o011)
    made = postgres.EmbeddedPostgres(postgres.home_in(folder), PASSWORDS, is_durable=False)
    made.initialise()
    yield made
    made.clear_leftovers()
    postgres.remove_home(folder)


def own_name():
    return pwd.getpwuid(os.geteuid()).pw_name


def start(server, port):
    process = subprocess.Popen(
        server.command(port), env=server.environment(), stderr=subprocess.DEVNULL, **server.identity.popen_arguments()
    )
    server.wait_ready(port)
    return process


def test_it_survives_being_killed_and_its_roles_are_limited(server):
    port = free_port()
    first = start(server, port)
    server.create_roles(port)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    server.clear_leftovers()

    second = start(server, port)

    with psycopg.connect(server.url(postgres.APP, port)) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolinherit FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE SCHEMA mine")
    assert rights == (False, False, False, False)
    assert not server.initialise()
    server.clear_leftovers()
    assert second.wait(10) == 0


def test_a_pid_file_that_names_a_stranger_is_dropped_and_the_stranger_lives(server):
    stranger = subprocess.Popen(["sleep", "60"])
    (server.data / "postmaster.pid").write_text(f"{stranger.pid}\n{server.data}\n")

    server.clear_leftovers()

    assert stranger.poll() is None
    assert not (server.data / "postmaster.pid").exists()
    stranger.kill()
    stranger.wait()


def test_another_server_on_the_port_is_not_taken_for_ours(server, tmp_path):
    foreign = FACTS.postgres()
    server.passwords = foreign.passwords

    with pytest.raises(postgres.PostgresFailed, match="Another PostgreSQL"):
        server.wait_ready(FACTS.postgres_port, seconds=0.5)


def test_ports_are_remembered_and_chosen_again_when_taken(tmp_path):
    file = tmp_path / "ports.json"
    first = remembered_ports(file, ["one", "two"])
    assert remembered_ports(file, ["one", "two"]) == first

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["one"]))
        taken.listen()
        second = remembered_ports(file, ["one", "two"])

    assert second["one"] != first["one"]
    assert second["two"] == first["two"]

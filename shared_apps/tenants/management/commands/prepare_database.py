"""Prepares the databases of all clusters: the extensions' schema, the extensions, the rights of the two log-ins, and the hardening."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand
from kernel.db.owner import owner_connection, runtime_login
from kernel.db.routing import clusters
from psycopg import sql

from shared_apps.tenants import hardening

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin")


class Command(BaseCommand):
    """Idempotent; uses DATABASE_OWNER_URL. The runtime login of DATABASE_URL must exist and be NOINHERIT.

    The hardening needs the superuser of DATABASE_ADMIN_URL; without it, or where the server refuses, the command goes on and says so.
    """

    help = "Creates the extensions schema, sets the rights of the runtime log-in and hardens the database"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--report", action="store_true", help="print the state of the hardening and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        for cluster in clusters():
            with owner_connection(cluster) as connection:
                if not options["report"]:
                    self._check_login(connection, runtime_login(cluster))
                    _prepare(connection, runtime_login(cluster))
                    with _admin_connection(cluster, connection) as admin:
                        hardening.harden(admin, keep_for=[connection.info.user])
                        hardening.allow_measuring(admin, login=runtime_login(cluster))
                self._report(cluster, connection)
        if not options["report"]:
            self.stdout.write("The database is prepared")

    def _check_login(self, connection: "psycopg.Connection[Any]", login: str) -> None:
        row = connection.execute(
            "SELECT rolinherit, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = %s", [login]
        ).fetchone()
        if row is None:
            self.stderr.write(self.style.ERROR(f"The login {login} does not exist"))
            raise SystemExit(1)
        if any(row):
            wanted = "NOINHERIT, NOSUPERUSER, NOCREATEROLE, NOCREATEDB and NOBYPASSRLS"
            self.stderr.write(self.style.ERROR(f"The login {login} must be {wanted}"))
            raise SystemExit(1)

    def _report(self, cluster: str, connection: "psycopg.Connection[Any]") -> None:
        missing = "refused by this server" if cluster in settings.DATABASE_ADMINS else "not applied, no admin's URL is set"
        for finding in hardening.findings(connection):
            state = "applied" if finding.is_applied else missing
            self.stdout.write(f"{cluster}: {finding.line.key}: {state} ({finding.line.why})")
        if not hardening.may_measure(connection, login=runtime_login(cluster)):
            why = "connections are replaced after ATENDE_DB_SCHEMAS_PER_CONNECTION tenants, whatever they hold"
            self.stdout.write(f"{cluster}: own memory: {missing} ({why})")


def _prepare(connection: "psycopg.Connection[Any]", login: str) -> None:
    app, database = sql.Identifier(login), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app))
    connection.execute("CREATE SCHEMA IF NOT EXISTS extensions")
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA extensions").format(sql.Identifier(extension)))
    connection.execute("GRANT USAGE ON SCHEMA extensions TO PUBLIC")
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(app))


@contextlib.contextmanager
def _admin_connection(cluster: str, owner: "psycopg.Connection[Any]") -> "Iterator[psycopg.Connection[Any]]":
    """The superuser's connection to the cluster's database, or the owner's where none is given: it may own the functions after all."""
    url = settings.DATABASE_ADMINS.get(cluster)
    if not url:
        yield owner
        return
    with psycopg.connect(url, dbname=owner.info.dbname, autocommit=True) as connection:
        yield connection

"""Prepares an empty database: the extensions' schema, the extensions, and the rights of the two logins."""

from typing import Any

from django.core.management.base import BaseCommand
from kernel.db.owner import owner_connection, runtime_login
from kernel.db.routing import clusters
from psycopg import sql

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin")


class Command(BaseCommand):
    """Idempotent; uses DATABASE_OWNER_URL. The runtime login of DATABASE_URL must exist and be NOINHERIT."""

    help = "Creates the extensions schema and sets the rights of the runtime login"
    requires_system_checks = ()  # they import every page and take longer than the work

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        for cluster in clusters():
            self._prepare(cluster)
        self.stdout.write("The database is prepared")

    def _prepare(self, cluster: str) -> None:
        login = runtime_login(cluster)
        with owner_connection(cluster) as connection:
            row = connection.execute("SELECT rolinherit, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = %s", [login]).fetchone()
            if row is None:
                self.stderr.write(self.style.ERROR(f"The login {login} does not exist"))
                raise SystemExit(1)
            if any(row):
                self.stderr.write(self.style.ERROR(f"The login {login} must be NOINHERIT, NOSUPERUSER and NOCREATEROLE"))
                raise SystemExit(1)
            app = sql.Identifier(login)
            connection.execute("CREATE SCHEMA IF NOT EXISTS extensions")
            for extension in EXTENSIONS:
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA extensions").format(sql.Identifier(extension)))
            connection.execute("GRANT USAGE ON SCHEMA extensions TO PUBLIC")
            connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(app))

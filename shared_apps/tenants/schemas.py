"""Building schemas as the owner: public, the template, its artefact, and the spares that sign-ups claim."""

import datetime
import secrets

import psycopg
from django.core.management import call_command
from django.core.management.commands.migrate import Command as Migrate
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q, QuerySet
from kernel import tenancy
from kernel.clock import now
from kernel.db.owner import as_owner, owner_connection, runtime_login
from kernel.db.routing import clusters, connection_in_scope, transaction_in_scope
from kernel.tenancy import DEFAULT_CLUSTER
from psycopg import sql

from shared_apps.tenants import artefact, pinned
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import compatibility
from shared_apps.tenants.models import Artefact, Spare

SPARES_KEPT = 2
BUILT_WITHIN = datetime.timedelta(minutes=10)


def migrate_public() -> bool:
    """Brings the public schema up to date. Returns whether there was anything to do."""
    with as_owner(), tenancy.public_scope():
        executor = MigrationExecutor(connection_in_scope())
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command(Migrate(), interactive=False, verbosity=0)
        pinned.pin_schema()
    with owner_connection() as connection:
        app = sql.Identifier(runtime_login())
        connection.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}").format(app))
        connection.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(app))
        connection.execute(sql.SQL("REVOKE UPDATE, DELETE ON public.audit_auditentry FROM {}").format(app))
        connection.execute(sql.SQL("REVOKE UPDATE, DELETE ON public.tenants_auditanchor FROM {}").format(app))
        connection.execute(sql.SQL("REVOKE INSERT, UPDATE, DELETE ON public.django_migrations FROM {}").format(app))
    return True


def build_artefact() -> bool:
    """Migrates a template schema once per fingerprint and captures it. Returns whether there was anything to do."""
    fingerprint = tenant_fingerprint()
    with tenancy.public_scope():
        if Artefact.objects.filter(fingerprint=fingerprint).exists():
            return False
    template = f"template_{fingerprint[:12]}"
    with owner_connection() as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(template)))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(template)))
    with as_owner(), tenancy.schema_scope(template):
        call_command(Migrate(), interactive=False, verbosity=0)
        pinned.pin_schema()
        pinned.check_pins()
    with owner_connection() as connection:
        statements = ";\n".join(artefact.capture(connection, template))
    with tenancy.public_scope():
        Artefact.objects.get_or_create(fingerprint=fingerprint, defaults={"statements": statements})
        compatibility.declare(fingerprint)
    return True


def build_spare(cluster: str = DEFAULT_CLUSTER) -> Spare:
    """Replays the artefact into a new schema with a role of its own on a cluster, and registers it. Not inside a transaction.

    A failure leaves nothing; what a kill leaves behind is registered, and `keep_spares` clears it away.
    """
    fingerprint = tenant_fingerprint()
    name = new_schema_name()
    with tenancy.public_scope():
        spare = Spare.objects.create(schema_name=name, role_name=name, fingerprint=fingerprint, cluster=cluster)
    with owner_connection(cluster) as connection:
        try:
            build_schema(connection, name, cluster)
            with tenancy.public_scope():
                Spare.objects.filter(pk=spare.pk).update(is_ready=True)
        except Exception:
            drop_schema(connection, name)
            with tenancy.public_scope():
                spare.delete()
            raise
    spare.is_ready = True
    return spare


def ready_spares(cluster: str) -> "QuerySet[Spare]":
    """The spares of the current version that a sign-up may claim on a cluster."""
    return Spare.objects.filter(fingerprint=tenant_fingerprint(), cluster=cluster, is_ready=True)


def new_schema_name() -> str:
    """A random name for a schema and its role."""
    return f"t_{secrets.token_hex(6)}"


def build_schema(connection: "psycopg.Connection[object]", name: str, cluster: str) -> None:
    """Replays the artefact of the present fingerprint under a name of the caller's, who drops what a failure leaves."""
    with tenancy.public_scope():
        statements = Artefact.objects.values_list("statements", flat=True).get(fingerprint=tenant_fingerprint())
    _create_role(connection, name, runtime_login(cluster))
    artefact.replay(connection, name, statements)
    grant_rights(connection, name)


def keep_spares(wanted: int = SPARES_KEPT) -> int:
    """Builds spares until on each cluster `wanted` of the current fingerprint wait, and drops those of older ones.

    Returns the number built.
    """
    _drop_stale_spares()
    built = 0
    for cluster in clusters():
        with tenancy.public_scope():
            waiting = ready_spares(cluster).count()
        for _ in range(wanted - waiting):
            build_spare(cluster)
            built += 1
    return built


def _drop_stale_spares() -> None:
    """Spares of other versions, and those whose builder died."""
    with tenancy.public_scope():
        is_stale = ~Q(fingerprint=tenant_fingerprint()) | Q(is_ready=False, created_at__lt=now() - BUILT_WITHIN)
        stale = list(Spare.objects.filter(is_stale))
    for spare in stale:
        with owner_connection(spare.cluster) as connection, tenancy.public_scope(), transaction_in_scope():
            deleted, _ = Spare.objects.filter(pk=spare.pk).delete()  # claimed meanwhile: nothing to delete
            if deleted:
                drop_schema(connection, spare.schema_name)


def drop_schema(connection: "psycopg.Connection[object]", name: str) -> None:
    """Removes a schema and its role. Only for names that carry no tenant."""
    identifier = sql.Identifier(name)
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(identifier))
    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(identifier))


def _create_role(connection: "psycopg.Connection[object]", name: str, login: str) -> None:
    role = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    connection.execute(sql.SQL("GRANT {} TO {}").format(role, sql.Identifier(login)))


def grant_rights(connection: "psycopg.Connection[object]", name: str) -> None:
    """What the role of a tenant may do in its schema; safe to repeat."""
    identifier = sql.Identifier(name)
    for statement in (
        "GRANT USAGE ON SCHEMA {0} TO {0}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {0}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {0} TO {0}",
        "REVOKE UPDATE, DELETE ON {0}.audit_auditentry FROM {0}",
        "REVOKE INSERT, UPDATE, DELETE ON {0}.django_migrations FROM {0}",
    ):
        connection.execute(sql.SQL(statement).format(identifier))

"""An older version of the tenant schema, for tests of the fleet: without intake's tables, seeded statuses, shares of tickets.

It is made by real migrations once per process; tests then build tenants of it from its artefact, as the product did when it was current.
"""

import secrets

from django.core.management.sql import emit_post_migrate_signal
from django.db.migrations.executor import MigrationExecutor
from kernel import tenancy
from kernel.db.owner import as_owner, owner_connection, runtime_login
from kernel.db.routing import connection_in_scope

from shared_apps.tenants import artefact, pinned, schemas
from shared_apps.tenants.models import Artefact, Domain, Tenant, TenantState

OLDER = "0" * 32
MISSING = {("intake", "0001_initial"), ("tickets", "0002_seed_statuses"), ("tickets", "0003_roles_and_scopes")}
_captured: list[str] = []


def keep_older_artefact() -> None:
    """Puts the older version's artefact where the product would have left it."""
    if not _captured:
        _captured.append(_capture())
    with tenancy.public_scope():
        Artefact.objects.get_or_create(fingerprint=OLDER, defaults={"statements": _captured[0]})


def older_tenant(slug: str, *, cluster: str = "default", state: str = TenantState.ACTIVE, **fields: object) -> Tenant:
    """A tenant whose schema is of the older version."""
    keep_older_artefact()
    name = f"t_{secrets.token_hex(6)}"
    with owner_connection(cluster) as connection:
        schemas._create_role(connection, name, runtime_login(cluster))
        artefact.replay(connection, name, _captured[0])
        schemas.grant_rights(connection, name)
    with tenancy.public_scope():
        tenant = Tenant.objects.create(
            schema_name=name, role_name=name, fingerprint=OLDER, cluster=cluster, name=slug.title(), slug=slug, state=state, **fields
        )
        Domain.objects.create(tenant=tenant, domain=f"{slug}.localhost", is_primary=True)
    return tenant


def _capture() -> str:
    with owner_connection() as connection:
        connection.execute("DROP SCHEMA IF EXISTS template_older CASCADE")
        connection.execute("CREATE SCHEMA template_older")
        with as_owner(), tenancy.schema_scope("template_older"):
            executor = MigrationExecutor(connection_in_scope())
            targets = executor.loader.graph.leaf_nodes()
            plan = [step for step in executor.migration_plan(targets) if (step[0].app_label, step[0].name) not in MISSING]
            state = executor.migrate(targets, plan)
            state.clear_delayed_apps_cache()
            emit_post_migrate_signal(verbosity=0, interactive=False, db="default", apps=state.apps, plan=plan)
            pinned.pin_schema()
        statements = artefact.capture(connection, "template_older")
        connection.execute("DROP SCHEMA template_older CASCADE")
    return ";\n".join(statements)

"""Migrating the fleet: scripts, waves, failures, resuming."""

import psycopg
import pytest
from kernel import tenancy
from kernel.db.owner import owner_connection
from psycopg import sql

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import applying, scripts, workers
from shared_apps.tenants.fleet.oracle import differences, schema_objects
from shared_apps.tenants.fleet.plans import Choice
from shared_apps.tenants.fleet.running import Manner, migrate_fleet
from shared_apps.tenants.models import FleetRun, FleetScript, FleetStep, Tenant
from shared_apps.tenants.tests.older import OLDER, older_tenant


def versions() -> dict[str, str]:
    with tenancy.public_scope():
        return dict(Tenant.objects.values_list("slug", "fingerprint"))


def steps() -> dict[str, tuple[str, int]]:
    with tenancy.public_scope():
        return {slug: (state, attempts) for slug, state, attempts in FleetStep.objects.values_list("tenant__slug", "state", "attempts")}


def structure(tenant) -> dict[str, str]:
    with owner_connection(tenant.cluster) as connection:
        return schema_objects(connection, tenant.schema_name)


def template() -> dict[str, str]:
    with owner_connection() as connection:
        return schema_objects(connection, f"template_{tenant_fingerprint()[:12]}")


def test_a_tenant_that_is_behind_gets_the_current_schema_and_its_seeds(fresh_database, acme):
    tenant = older_tenant("older")

    run = migrate_fleet(Choice(), Manner(jobs=1))

    assert (run.state, run.total, run.done, run.failed) == ("done", 1, 1, 0)
    assert differences(structure(tenant), template()) == []
    assert versions()["older"] == tenant_fingerprint()
    with owner_connection() as connection:
        assert applying.version_of(connection, tenant.schema_name) == tenant_fingerprint()
        rows = connection.execute(f"SELECT key FROM {tenant.schema_name}.tickets_status ORDER BY id").fetchall()
        may = connection.execute(
            "SELECT has_table_privilege(%(r)s, %(t)s, 'INSERT')", {"r": tenant.role_name, "t": f"{tenant.schema_name}.intake_inboundevent"}
        ).fetchone()
    assert [row[0] for row in rows] == ["new", "open", "waiting-customer", "waiting-other", "solved", "closed"]
    assert may == (True,)

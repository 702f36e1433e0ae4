"""How well the tenant in scope is kept apart, measured now: cheap questions to the catalogue, asked under the tenant's own role."""

import dataclasses
from typing import Any, Final

from kernel import tenancy
from kernel.db.routing import connection_in_scope
from kernel.tenancy import TenantRef

from shared_apps.tenants import hardening
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import Domain


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One property and whether it holds."""

    key: str
    is_met: bool


@dataclasses.dataclass(frozen=True, slots=True)
class IsolationFacts:
    """What a tenant's admins may know of the walls around them."""

    schema: str
    role: str
    cluster: str
    hosts: list[str]
    checks: list[Check]


# Each answers one boolean, true where all is well. `login` is the session's user, `role` the tenant's, `schema` its schema.
_QUESTIONS = {
    "role_is_in_force": "current_user = %(role)s AND current_schema() = %(schema)s AND session_user <> current_user",
    "login_is_stripped": """(SELECT NOT (rolinherit OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
        FROM pg_roles WHERE rolname = session_user)""",
    "role_is_stripped": """(SELECT NOT (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
        FROM pg_roles WHERE rolname = %(role)s)""",
    # pg_shdepend has an index for this; pg_class would be read as a whole
    "owns_nothing": """NOT EXISTS (SELECT 1 FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'
        AND refobjid IN (SELECT oid FROM pg_roles WHERE rolname IN (session_user, %(role)s)))""",
    "creates_nothing": """NOT (has_schema_privilege(%(role)s, %(schema)s, 'CREATE')
        OR has_database_privilege(%(role)s, current_database(), 'CREATE')
        OR has_database_privilege(session_user, current_database(), 'CREATE')
        OR has_database_privilege(%(role)s, current_database(), 'TEMPORARY'))""",
    "reaches_no_other_schema": r"""NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%%'
        AND nspname NOT IN (%(schema)s, 'extensions', 'information_schema') AND has_schema_privilege(%(role)s, oid, 'USAGE'))""",
    "database_is_closed": """NOT EXISTS (SELECT 1 FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS a
        WHERE datname = current_database() AND a.grantee = 0)""",
    "audit_is_append_only": """(SELECT NOT has_table_privilege(%(role)s, c.oid, 'UPDATE, DELETE, TRUNCATE') FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s AND c.relname = 'audit_auditentry')""",
}

CHECKS: Final = (*_QUESTIONS, "schema_is_current", *(f"hardening.{line.key.replace(' ', '_')}" for line in hardening.LINES))
"""The keys of all checks, in the order they are answered."""


def isolation_facts() -> IsolationFacts:
    """The facts of the tenant in scope, measured by three queries. Call it with no transaction open: the host names are in public."""
    tenant = tenancy.current_tenant()
    with connection_in_scope().cursor() as cursor:
        checks = measured(cursor, tenant)
    with tenancy.public_scope():
        hosts = list(Domain.objects.filter(tenant__public_id=tenant.id).order_by("-is_primary", "domain").values_list("domain", flat=True))
    return IsolationFacts(schema=tenant.schema, role=tenant.role, cluster=tenant.cluster, hosts=hosts, checks=checks)


def measured(cursor: Any, tenant: TenantRef) -> list[Check]:  # Any: Django's cursor
    """Every check, on the connection as it is."""
    cursor.execute(f"SELECT {', '.join(_QUESTIONS.values())}", {"role": tenant.role, "schema": tenant.schema})
    answers = [bool(answer) for answer in cursor.fetchone()]
    answers.append(tenant.fingerprint == tenant_fingerprint())
    cursor.execute(hardening.findings_query())
    answers += [not is_held for is_held in cursor.fetchone()]
    return [Check(key, is_met) for key, is_met in zip(CHECKS, answers, strict=True)]

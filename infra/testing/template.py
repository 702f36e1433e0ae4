"""Fills the template database: tenants acme and globex with their people. Run once per test run."""

import sys

import django

from infra.testing.clusters import NAME, is_run_on_second

PASSWORD = "atende-demo"
TENANTS = {
    "acme": ("Acme Bikes", (("ada", "Ada Prado", "admin"), ("ana", "Ana Souza", "agent"), ("bea", "Bea Lima", "agent"))),
    "globex": ("Globex", (("rui", "Rui Costa", "agent"),)),
}


def main() -> int:
    """Builds everything by the product's own services."""
    django.setup()
    from config.demo import people  # noqa: PLC0415 (Django is set up only now)

    cluster = NAME if is_run_on_second() else "default"
    for slug, (name, users) in TENANTS.items():
        tenant = people.ensure_tenant(slug=slug, name=name, owner_email=f"owner@{slug}.example", cluster=cluster)
        people.ensure_users(tenant=tenant, users=users, password=PASSWORD)
    people.ensure_operator(email="operator@atende.example", name="Olga Operator", password=PASSWORD)
    _drop_spares()
    return 0


def _drop_spares() -> None:
    """A spare in the template would be in every clone, and its role, which is the server's, could never be dropped in one of them."""
    from kernel import tenancy  # noqa: PLC0415 (Django is set up only now)
    from kernel.db.owner import owner_connection  # noqa: PLC0415
    from shared_apps.tenants.models import Spare  # noqa: PLC0415
    from shared_apps.tenants.schemas import drop_schema  # noqa: PLC0415

    with tenancy.public_scope():
        for spare in Spare.objects.all():
            with owner_connection(spare.cluster) as connection:
                drop_schema(connection, spare.schema_name)
            spare.delete()


if __name__ == "__main__":
    sys.exit(main())

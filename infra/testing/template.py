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
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Creates an API key for a user of a tenant, or for an operator."""

import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from kernel import tenancy
from kernel.problems import ValidationProblem

from shared_apps.accounts import services
from shared_apps.accounts.models import User


class Command(BaseCommand):
    """Prints the key alone on its last line; it cannot be shown again."""

    help = "Creates an API key and prints it"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--tenant", help="slug of the tenant; without it the key is an operator's")
        parser.add_argument("--user", required=True, help="e-mail address of the user the key acts as")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument("--scope", action="append", help="area.resource:read or :write, several times; without it all its user may")
        parser.add_argument("--network", action="append", help="an address or network it may be used from, several times; without it all")
        parser.add_argument("--days", type=int, help="how long it lives; without it for ever")
        parser.add_argument("--rate", default="high", choices=["low", "standard", "high"], help="how many calls it may make")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        with self._scope(options["tenant"]):
            user = User.objects.filter(Q(email__iexact=options["user"]), is_active=True).first()
            if user is None:
                raise CommandError(f"There is no active user {options['user']}")
            try:
                limits = services.KeyLimits(
                    scopes=options["scope"] or ["*"],
                    allowed_networks=options["network"] or [],
                    rate_class=options["rate"],
                    lifetime=datetime.timedelta(days=options["days"]) if options["days"] is not None else None,
                )
                _, clear_text = services.create_api_key(user=user, name=options["name"], limits=limits)
            except ValidationProblem as problem:
                raise CommandError(problem.detail) from problem
        self.stdout.write(clear_text)

    def _scope(self, slug: str | None) -> Any:  # Any: a context manager
        if slug is None:
            return tenancy.public_scope()
        tenant = next((tenant for tenant in tenancy.active_tenants() if tenant.slug == slug), None)
        if tenant is None:
            raise CommandError(f"There is no active tenant {slug}")
        return tenancy.tenant_scope(tenant)

"""Gives the hook of a generic API inbox a new secret."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy
from kernel.problems import Problem

from tenant_apps.connectors import services
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.selectors import hook_url


class Command(BaseCommand):
    """Prints the hook's URL, and the secret alone on the last line; it cannot be shown again."""

    help = "Makes a new signing secret for a generic API inbox, and prints the hook's URL and the secret"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--inbox", help="id of the inbox, as GET /api/v1/inboxes shows it; not needed where there is one such inbox")
        parser.add_argument("--keep-current", action="store_true", help="the present secret stays valid beside the new one")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        tenant = next((tenant for tenant in tenancy.active_tenants() if tenant.slug == options["tenant"]), None)
        if tenant is None:
            raise CommandError(f"There is no active tenant {options['tenant']}")
        with tenancy.tenant_scope(tenant):
            inbox = _inbox(options["inbox"])
            try:
                secret = services.replace_secret(inbox=inbox, keep_current=options["keep_current"])
            except Problem as problem:
                raise CommandError(problem.detail) from problem
            self.stdout.write(f"{inbox.name}: {hook_url(inbox)}")
        self.stdout.write(secret)


def _inbox(wanted: str | None) -> Inbox:
    rows = Inbox.objects.filter(connector="api").order_by("id")
    if wanted is not None:
        try:
            rows = Inbox.objects.filter(public_id=uuid.UUID(wanted))
        except ValueError as error:
            raise CommandError(f"{wanted} is not an id") from error
    found = list(rows[:2])
    if len(found) != 1:
        raise CommandError("There is no such inbox" if not found else "There are several generic API inboxes: name one with --inbox")
    return found[0]

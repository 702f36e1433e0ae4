"""Creates a tenant from the command line."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy
from kernel.problems import Problem, ValidationProblem
from kernel.tenancy import DEFAULT_CLUSTER
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared_apps.tenants import services
from shared_apps.tenants.selectors import host_of, url_of


class Command(BaseCommand):
    """The same service as the operator page and the API."""

    help = "Creates a tenant: its schema, its host and its owner's invitation"
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--name", required=True)
        parser.add_argument("--slug", required=True)
        parser.add_argument("--owner-email", required=True)
        parser.add_argument("--cluster", default=DEFAULT_CLUSTER, help="the PostgreSQL cluster that holds the tenant (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns) as progress, tenancy.public_scope():
            progress.add_task(f"Creating {options['slug']}", total=None)
            started = time.monotonic()
            try:
                tenant = services.create_tenant(
                    name=options["name"], slug=options["slug"], owner_email=options["owner_email"], cluster=options["cluster"]
                )
            except ValidationProblem as problem:
                raise CommandError(
                    "; ".join(f"{error.pointer.lstrip('/')}: {error.detail} ({error.code})" for error in problem.errors)
                ) from problem
            except Problem as problem:
                raise CommandError(problem.detail) from problem
        self.stdout.write(f"{tenant.slug} is {tenant.state} at {url_of(host_of(tenant.slug))}, {time.monotonic() - started:.2f} s")
        self.stdout.write(f"The invitation goes to {tenant.owner_email}")

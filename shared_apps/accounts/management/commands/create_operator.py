"""Creates an operator, who runs the platform."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy

from shared_apps.accounts import services
from shared_apps.accounts.models import User
from shared_apps.accounts.services.users import check_new_password


class Command(BaseCommand):
    """The password is asked for, or read from ATENDE_OPERATOR_PASSWORD; never taken from the command line."""

    help = "Creates an operator log-in for the base host"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        password = os.environ.get("ATENDE_OPERATOR_PASSWORD") or getpass.getpass()
        with tenancy.public_scope():
            if User.objects.filter(email__iexact=options["email"]).exists():
                raise CommandError("An operator with this address exists")
            check_new_password(password=password, user=User(email=options["email"], name=options["name"]))
            services.create_user(email=options["email"], name=options["name"], password=password)
        self.stdout.write("The operator can sign in")

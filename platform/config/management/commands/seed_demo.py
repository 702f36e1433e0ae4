"""Fills the demonstration: tenants acme and globex with people and months of conversations, and an operator."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from kernel.clock import now
from kernel.tenancy import TenantRef
from rich.console import Console
from rich.progress import Progress

from config.demo import loading, people
from config.demo.cast import CASTS, OPERATOR, PASSWORD, Cast
from config.demo.stories import stories_of


class Command(BaseCommand):
    """`seed_demo [--scale 1.0]`; a second run changes nothing."""

    help = __doc__
    requires_system_checks = ()  # they import every page and take longer than the work

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", type=float, default=1.0, help="1.0 is about 500 tickets")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        if settings.ATENDE_ENV == "production" or not settings.ATENDE_DEMO:
            raise CommandError("Demonstration data has well-known passwords: ATENDE_DEMO must be 1 and ATENDE_ENV must not be production")
        scale = float(options["scale"])
        if not 0 < scale <= 20:
            raise CommandError("--scale is between 0 and 20")
        console = Console(stderr=True)
        people.ensure_operator(email=OPERATOR[0], name=OPERATOR[1], password=PASSWORD)
        made = {}
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            for cast in CASTS:
                task = progress.add_task(cast.name, total=None)
                made[cast.name] = _seed(cast, scale, lambda done, task=task: progress.advance(task, done))  # type: ignore[misc]  # a default argument binds the loop's value
        self.stdout.write(", ".join(f"{name}: {count} tickets" if count else f"{name}: unchanged" for name, count in made.items()))


def _seed(cast: Cast, scale: float, advance: loading.Advance) -> int:
    tenant = people.ensure_tenant(slug=cast.slug, name=cast.name, owner_email=f"owner@{cast.slug}.example")
    people.ensure_users(tenant=tenant, users=[(agent.mailbox, agent.name, agent.role) for agent in cast.agents], password=PASSWORD)
    _ensure_form(tenant)
    stories = stories_of(cast, now=now(), count=max(8, round(cast.tickets * scale)))
    return loading.load(tenant=tenant, cast=cast, stories=stories, advance=advance)


def _ensure_form(tenant: TenantRef) -> None:
    """Makes the web form's channel, and leaves its key and secret in `demo.json` for whoever wants to try it."""
    made = people.ensure_form(tenant=tenant, name="Web form")
    if made is None:
        return
    file = settings.ATENDE_DATA_DIR / "demo.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known[tenant.slug] = {"route_key": made[0], "secret": made[1]}
    file.touch(mode=0o600)
    file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")

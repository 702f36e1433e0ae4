"""Writes the reference pages that follow from the code: problems, events, permissions."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules
from kernel.events import EVENT_TYPES, Event
from kernel.problems import PROBLEMS
from tenant_apps.access.permissions import CATALOGUE, SYSTEM_ROLES

_NOTE = "Written by `manage.py write_reference` from the code; `make check` compares."
_PROBLEMS = """\
Every refusal of the API is `application/problem+json` (RFC 9457) with `type` = `/problems/<slug>`. Branch on the slug and, for
`validation-failed`, on `errors[].code`; titles and details are for people and may change."""
_EVENTS = """\
The log of each tenant, as read by `GET /api/v1/events` and `/ws/v1/events`. `data` holds the fields named here: ids and changed values,
never bodies, addresses or secrets. Events of aggregate `tenant` stand in the public log, which only operators' code reads."""
_ROLES = "A permission is named `area.resource.action`; a role is a set of them."


class Command(BaseCommand):
    """`--check` only compares and names the pages that are out of date."""

    help = "Writes docs/reference/problems.md, events.md and permissions.md"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--check", action="store_true", help="fail where a page differs instead of writing it")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        autodiscover_modules("errors", "events")
        folder = Path(settings.BASE_DIR) / "docs" / "reference"
        pages = {"problems.md": _problems(), "events.md": _events(), "permissions.md": _permissions()}
        stale = [name for name, text in pages.items() if _stored(folder / name) != text]
        if options["check"]:
            if stale:
                raise CommandError(f"Out of date: {', '.join(stale)}; run manage.py write_reference")
            return
        for name in stale:
            (folder / name).write_text(pages[name], encoding="utf-8")
        self.stdout.write(f"Written: {', '.join(stale) or 'nothing to do'}")


def _stored(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def _problems() -> str:
    kinds = [(slug, kind) for slug, kind in sorted(PROBLEMS.all().items()) if ".tests." not in kind.__module__]
    rows = [[f"`{slug}`", str(kind.status), str(kind.title), f"`{kind.__module__.removesuffix('.errors')}`"] for slug, kind in kinds]
    return _page("Problems", _PROBLEMS, ["slug", "status", "title", "from"], rows)


def _events() -> str:
    kinds = [(name, kind) for name, kind in sorted(EVENT_TYPES.all().items()) if ".tests." not in kind.__module__]
    rows = [[f"`{name}`", kind.aggregate_type, _fields(kind), (kind.__doc__ or "").strip().split("\n")[0]] for name, kind in kinds]
    return _page("Events", _EVENTS, ["type", "aggregate", "data", "meaning"], rows)


def _permissions() -> str:
    roles = list(SYSTEM_ROLES.values())
    rows = [
        [f"`{code}`", str(permission.text), permission.kind.value, *("yes" if code in role.codes else "" for role in roles)]
        for code, permission in sorted(CATALOGUE.items())
    ]
    return _page("Permissions", _ROLES, ["code", "allows", "kind", *(role.key for role in roles)], rows)


def _fields(kind: type[Event]) -> str:
    return ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind) if field.name != "aggregate_id") or "none"


def _page(title: str, intro: str, head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    return f"# {title}\n\n{intro}\n\n{_NOTE}\n\n{table}"

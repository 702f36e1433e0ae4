"""Measures what permissions cost: a narrow viewer's page of tickets against the page without a filter and against guardian's own.

usage: python -m infra.benchmarks.permissions [--tickets 100000] [--grants 1000000] [--users 1000] [--no-write]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from rich.console import Console
from rich.table import Table

from infra.benchmarks.results import FOLDER
from infra.dev.folders import ROOT
from infra.dev.postgres import DATABASE
from infra.testing.servers import RunningServers, ServerFacts

TEAMS, PAGES, SHOWN = 20, 60, 12
_SEED = """
INSERT INTO organization_team (public_id, key, name)
  SELECT gen_random_uuid(), 'team-' || n, 'Team ' || n FROM generate_series(1, {teams}) n;
INSERT INTO accounts_user (public_id, password, email, name, is_superuser, is_active, language, theme, time_zone, created_at, updated_at)
  SELECT gen_random_uuid(), '!', 'u' || n || '@bench.example', 'User ' || n, false, true, 'en', 'system', 'UTC', now(), now()
  FROM generate_series(1, {users}) n;
INSERT INTO contacts_contact (public_id, name, email, language, created_at, updated_at)
  SELECT gen_random_uuid(), 'Contact ' || n, 'c' || n || '@bench.example', '', now(), now() FROM generate_series(1, 1000) n;
INSERT INTO tickets_ticket (public_id, number, subject, status_id, category, priority, requester_id, assignee_id, team_id, version, snippet,
    connector, last_message_at, reopen_count, created_at, updated_at)
  SELECT gen_random_uuid(), n, 'Ticket ' || n, (SELECT id FROM tickets_status WHERE key = 'open'), 'open', 'normal',
    (SELECT min(id) FROM contacts_contact) + n % 1000,
    CASE WHEN n % 3 = 0 THEN (SELECT max(id) FROM accounts_user) - (n / 3) % {users} END,
    CASE WHEN n % 5 > 0 THEN (SELECT min(id) FROM organization_team) + (n / 7) % {teams} END,
    1, 'Snippet', 'email', now() - (n || ' minutes')::interval, 0, now(), now() FROM generate_series(1, {tickets}) n;
INSERT INTO tickets_ticketuserobjectpermission (user_id, permission_id, content_object_id)
  SELECT (SELECT max(id) FROM accounts_user) - n % {users}, {view},
    (SELECT min(id) FROM tickets_ticket) + (n::bigint * 7919 + n / {tickets} * 13) % {tickets}
  FROM generate_series(1, {grants}) n ON CONFLICT DO NOTHING;
INSERT INTO access_roleassignment (user_id, role, scope_kind, scope_id)
  SELECT id, CASE WHEN id % 2 = 0 THEN 'narrow' ELSE 'viewer' END, CASE WHEN id % 2 = 0 THEN '' ELSE 'team' END,
    CASE WHEN id % 2 = 0 THEN 0 ELSE (SELECT min(id) FROM organization_team) + id % {teams} END
  FROM accounts_user WHERE email LIKE '%@bench.example' AND name <> 'Ana';
INSERT INTO organization_teammembership (user_id, team_id)
  SELECT id, (SELECT min(id) FROM organization_team) + (id * 3) % {teams} FROM accounts_user WHERE id % 4 = 0;
"""


def seed(options: argparse.Namespace, owner: Any) -> dict[str, int]:  # Any: a psycopg connection; how many rows there are
    """Fills the tenant's schema. The grants are guardian's rows with a direct key."""
    from tenant_apps.tickets.reach import VIEW_SHARE, share_id  # noqa: PLC0415 (Django is set up only now)

    owner.execute(
        "INSERT INTO access_customrole (key, name, description, permissions, visibility, version, created_at, updated_at) "
        "VALUES ('narrow', 'Narrow', '', '[\"tickets.ticket.read\", \"messaging.message.read\"]', 'team', 1, now(), now())"
    )
    sizes = {"teams": TEAMS, "users": options.users, "tickets": options.tickets, "grants": options.grants, "view": share_id(VIEW_SHARE)}
    for statement in _SEED.format(**sizes).split(";"):
        if statement.strip():
            owner.execute(statement)
    for table in ("tickets_ticket", "tickets_ticketuserobjectpermission", "access_roleassignment", "organization_teammembership"):
        owner.execute(f"ANALYZE {table}")
    found = {
        name: owner.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("tickets_ticket", "tickets_ticketuserobjectpermission")
    }
    return {"tickets": found["tickets_ticket"], "grants": found["tickets_ticketuserobjectpermission"], "users": options.users}


def measure(options: argparse.Namespace) -> dict[str, Any]:  # Any: JSON
    """The middle of the pages of several viewers, taken in turns, and the count of queries that permissions add."""
    from shared_apps.accounts.models import User  # noqa: PLC0415
    from tenant_apps.access.selectors import reach_of  # noqa: PLC0415
    from tenant_apps.tickets.reach import READ  # noqa: PLC0415

    viewers = list(User.objects.filter(email__startswith="u").order_by("id")[: options.users : max(1, options.users // SHOWN)])
    for viewer in viewers:
        reach_of(viewer, READ)
    return {"page_ms": _page_times(viewers), "whole_list_ms": _list_times(viewers), "queries_added": _queries_added(viewers[0])}


def _page_times(viewers: list[Any]) -> dict[str, float]:  # Any: users
    from guardian.shortcuts import get_objects_for_user  # noqa: PLC0415
    from tenant_apps.tickets.models import Ticket  # noqa: PLC0415
    from tenant_apps.tickets.reach import tickets_visible_to  # noqa: PLC0415

    ways: dict[str, Callable[[Any], Any]] = {
        "unfiltered": lambda _viewer: Ticket.objects.all(),
        "filtered": tickets_visible_to,
        "guardian": lambda viewer: get_objects_for_user(viewer, "tickets.view_ticket", klass=Ticket),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for viewer in viewers * max(1, PAGES // len(viewers)):
        for name, way in ways.items():
            started = time.perf_counter()
            list(way(viewer).order_by("-last_message_at", "-id").values("id", "number", "subject", "last_message_at")[:26])
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def _list_times(viewers: list[Any]) -> dict[str, float]:  # Any: users
    from tenant_apps.access.selectors import AnyViewer  # noqa: PLC0415
    from tenant_apps.tickets import selectors  # noqa: PLC0415

    times: dict[str, list[float]] = {"any": [], "narrow": []}
    for viewer in viewers * 3:
        for name, who in (("any", AnyViewer()), ("narrow", _anew(viewer))):
            started = time.perf_counter()
            selectors.ticket_page(who, wanted=selectors.TicketFilter(), limit=25)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def _queries_added(viewer: Any) -> int:  # Any: a user
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from tenant_apps.access.selectors import AnyViewer  # noqa: PLC0415
    from tenant_apps.tickets import selectors  # noqa: PLC0415

    counted = []
    for who in (AnyViewer(), _anew(viewer)):
        with CaptureQueriesContext(connection) as captured:
            selectors.ticket_page(who, wanted=selectors.TicketFilter(), limit=25)
        counted.append(len(captured))
    return counted[1] - counted[0]


def _anew(viewer: Any) -> Any:  # Any: a user
    """As at the begin of a request: what the user holds is asked again."""
    viewer.__dict__.pop("_access", None)
    return viewer


def compare(options: argparse.Namespace) -> dict[str, int]:
    """The visible set of every user against one made ticket by ticket from the rows alone."""
    from shared_apps.accounts.models import User  # noqa: PLC0415
    from tenant_apps.access.models import RoleAssignment  # noqa: PLC0415
    from tenant_apps.organization.models import TeamMembership  # noqa: PLC0415
    from tenant_apps.tickets.models import Ticket, TicketUserObjectPermission  # noqa: PLC0415
    from tenant_apps.tickets.reach import tickets_visible_to  # noqa: PLC0415

    places = list(Ticket.objects.values_list("pk", "assignee_id", "team_id"))
    mine: dict[int, set[int]] = {}
    for user_id, team_id in TeamMembership.objects.values_list("user_id", "team_id"):
        mine.setdefault(user_id, set()).add(team_id)
    roles: dict[int, list[tuple[str, int]]] = {}
    for user_id, kind, scope_id in RoleAssignment.objects.values_list("user_id", "scope_kind", "scope_id"):
        roles.setdefault(user_id, []).append((kind, scope_id))
    wrong = seen = 0
    for user in User.objects.filter(email__startswith="u").order_by("id")[: options.users]:
        held = roles.get(user.pk, [])
        teams = {scope for kind, scope in held if kind == "team"} | (
            mine.get(user.pk, set()) if any(not kind for kind, _ in held) else set()
        )
        is_own = any(not kind for kind, _ in held)
        expected = {pk for pk, assignee, team in places if team in teams or (is_own and assignee == user.pk)}
        expected |= set(TicketUserObjectPermission.objects.filter(user=user).values_list("content_object_id", flat=True))
        got = set(tickets_visible_to(user).values_list("pk", flat=True))
        wrong += got != expected
        seen += len(got)
    return {"users": options.users, "differing": wrong, "tickets_seen_per_user": seen // max(1, options.users)}


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:  # Any: JSON
    """What, figure, aim, reached."""
    page, whole = found["page_ms"], found["whole_list_ms"]
    ratio, guardian = page["filtered"] / page["unfiltered"], page["filtered"] / page["guardian"]
    listed = whole["narrow"] / whole["any"]
    words = {True: "yes", False: "**no**"}
    return [
        (
            "page of a narrow viewer against the page without a filter",
            f"{page['filtered']} / {page['unfiltered']} ms = {ratio:.2f}",
            "2 or less",
            words[ratio <= 2],
        ),
        (
            "the whole list (tags, conversations, unread) in the same way",
            f"{whole['narrow']} / {whole['any']} ms = {listed:.2f}",
            "2 or less",
            words[listed <= 2],
        ),
        (
            "page of a narrow viewer against `get_objects_for_user`",
            f"{page['filtered']} / {page['guardian']} ms = {guardian:.3f}",
            "0.25 or less",
            words[guardian <= 0.25],
        ),
        ("queries that a warm permission cache adds", str(found["queries_added"]), "1 or less", words[found["queries_added"] <= 1]),
        (
            "users whose visible set differs from brute force",
            f"{found['compared']['differing']} of {found['compared']['users']}",
            "0",
            words[not found["compared"]["differing"]],
        ),
    ]


def write(found: dict[str, Any]) -> None:  # Any: JSON
    """Writes permissions.json and permissions.md."""
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows(found))
    sizes = found["sizes"]
    text = f"""# What permissions cost

Written by `python -m infra.benchmarks.permissions`; all figures are in [permissions.json](permissions.json). Read ratios rather than times.

| what | figure | aim | reached |
| --- | --- | --- | --- |
{table}

- One tenant with {sizes["tickets"]} tickets, {sizes["grants"]} grants on single tickets, {sizes["users"]} users in {TEAMS} teams; half of
  them hold a role for one team, half a role for own and team tickets; each sees
  {found["compared"]["tickets_seen_per_user"]} tickets on average.
- The page is one query over what the process remembers of the viewer. The whole list includes reading the access version,
  which is the one query that permissions add to a request.
- A page that finds nothing in its order is as quick: the planner sees how many keys are shared, and takes another index.
- `get_objects_for_user` runs over the same grants, in guardian's table with a direct foreign key.
"""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "permissions.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "permissions.md").write_text(text, encoding="utf-8")


def run(options: argparse.Namespace, facts: ServerFacts) -> dict[str, Any]:  # Any: JSON
    """One tenant, filled, measured, compared."""
    os.environ.update(facts.environment(DATABASE), DJANGO_SETTINGS_MODULE="config.settings.test")
    django.setup()
    from kernel import tenancy  # noqa: PLC0415
    from kernel.db.owner import owner_connection  # noqa: PLC0415
    from shared_apps.tenants import services  # noqa: PLC0415
    from tenant_apps.access import reach  # noqa: PLC0415

    for command in (["prepare_database"], ["migrate_platform", "--spares", "1"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with tenancy.public_scope():
        services.create_tenant(name="Bench", slug="bench", owner_email="owner@bench.example")
        tenant = tenancy.active_tenants()[0]
    with owner_connection("default") as owner:
        owner.execute(f"SET search_path = {tenant.schema}, extensions")
        sizes = seed(options, owner)
    reach.forget()
    with tenancy.tenant_scope(tenant):
        return {"sizes": sizes, **measure(options), "compared": compare(options)}


def main() -> int:
    """Measures, prints the ratios and writes the reference page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--grants", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--no-write", action="store_true", help="leave docs/reference/benchmarks alone")
    options = parser.parse_args()
    os.environ["ATENDE_TEST_CACHE"] = "0"
    facts = ServerFacts.choose()
    servers = RunningServers(facts)
    try:
        servers.start()
        found = run(options, facts)
    finally:
        servers.stop()
    table = Table("what", "figure", "aim", "reached")
    for row in rows(found):
        table.add_row(*row)
    Console().print(table)
    if not options.no_write:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())

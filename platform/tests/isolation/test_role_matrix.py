"""Who may ask for what: the matrix of routes and roles in `role_matrix.txt` against every route, as every role, in both tenants.

A new route is missing there and fails the test; `ATENDE_WRITE_ROLE_MATRIX=1` writes the file again, for a review line by line.
"""

import os
from pathlib import Path

import pytest
from config.urls import tenant
from kernel import tenancy
from shared_apps.accounts import services as accounts
from tenant_apps.access.models import RoleAssignment, SystemRole
from tenant_apps.access.permissions import SYSTEM_ROLES
from tenant_apps.access.services import bump_access_version

from tests.isolation import canaries, crawl, routes

FILE = Path(__file__).parent / "role_matrix.txt"
ROLES = (*SystemRole.values, "no_role")
SHORT = dict(zip(ROLES, ("owner", "admin", "super", "agent", "light", "viewer", "none"), strict=True))


def asked() -> list[routes.Operation]:
    """The operations of a tenant's host that ask who somebody is."""
    found = [operation for operation in (*routes.documented(), *routes.PAGES) if operation.host == routes.TENANT and not operation.is_open]
    return [operation for operation in found if not operation.path.startswith(("/hooks/", "/sign-", "/readyz", "/api/docs"))]


def speakers(canary: canaries.Canary) -> list[crawl.Speaker]:
    """One person for each role, and one without any."""
    found = []
    with tenancy.tenant_scope(canary.tenant):
        for role in ROLES:
            user = accounts.create_user(email=f"{role}@matrix.example", name=role, password="canary-password")
            if role != "no_role":
                RoleAssignment.objects.create(user=user, role=role)
            _, key = accounts.create_api_key(user=user, name=role)
            found.append(crawl.Speaker(role, routes.TENANT, canary.tenant.host, canary, key, canaries.session_of(user)))
        bump_access_version()
    return found


def answers(canary: canaries.Canary, operations: list[routes.Operation]) -> dict[str, list[str]]:
    """For each operation the roles that are not refused, asked with ids and a body that exist."""
    people, found = speakers(canary), {operation.name: [] for operation in operations}
    with tenancy.public_scope(), crawl.undone(depth=2):
        sender = crawl.Sender([])
        for operation in operations:
            ask = next(ask for ask in crawl._asks(operation, canary, canary) if ask.slot == "path" and ask.kind == "own")
            for speaker in people:
                status, *_ = crawl._send(ask, speaker, sender)
                assert status < 500, (operation.name, speaker.name, status)
                if status not in {401, 403}:
                    found[operation.name].append(SHORT[speaker.name])
    return found


def read() -> dict[str, list[str]]:
    """The file: a route and its roles in each line."""
    lines = [line.split("|") for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {name.strip(): roles.split() for name, roles in lines}


def write(found: dict[str, list[str]]) -> None:
    """The file again."""
    width = max(map(len, found))
    lines = [f"{name:<{width}} | {' '.join(roles)}".rstrip() for name, roles in sorted(found.items())]
    head = "# Which roles are not refused, by route. Whether one sees the object at all is decided by reach, not here.\n"
    FILE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.timeout(600)
def test_every_route_admits_the_roles_that_stand_in_the_matrix(fresh_database, acme, globex, counted):
    operations = asked()
    found = [answers(canaries.plant(one), operations) for one in (acme, globex)]
    counted("role matrix", routes=len(operations), roles=len(ROLES), tenants=2, calls=2 * len(operations) * len(ROLES))
    if os.environ.get("ATENDE_WRITE_ROLE_MATRIX"):
        write(found[0])

    assert found[0] == found[1]
    assert found[0] == read()


# Routes that admit fewer than hold the code they name: what is written there decides.
BY_BODY = {"POST tenant:/api/v1/conversations/{conversation_id}/messages", "POST tenant:/inbox/{ticket_id}/messages/"}


def test_the_matrix_agrees_with_the_catalogue():
    """Each line holds the roles whose definition has the code that the view names; without a code, everybody who is signed in."""
    views = {routes._shape(route): pattern.callback for route, pattern in routes._leaves(tenant.urlpatterns, "/")}
    wrong = {}
    for name, roles in read().items():
        method, path = name.split(" tenant:")
        view = getattr(views[routes._shape(path)], "cls", None) or views[routes._shape(path)].view_class
        code = getattr(view, "permissions_by_method", {}).get(method) or (method == "POST" and getattr(view, "write_permission", ""))
        code = code or getattr(view, "permission", "")
        holding = [SHORT[key] for key, role in SYSTEM_ROLES.items() if code in role.codes] if code else list(SHORT.values())
        if holding != roles:
            wrong[name] = (code, roles, holding)

    assert set(wrong) == BY_BODY
    assert all(set(roles) < set(holding) for _, roles, holding in wrong.values())


def test_the_matrix_keeps_what_must_never_be_open():
    matrix = read()

    changing = {name: set(roles) for name, roles in matrix.items() if not name.startswith("GET ")}
    assert [name for name, roles in changing.items() if "viewer" in roles - {"owner"} and not _is_own(name)] == []
    assert [name for name, roles in matrix.items() if "none" in roles and not _is_own(name)] == []
    assert all({"owner", "admin"} <= set(roles) for roles in matrix.values())


def _is_own(name: str) -> bool:
    """What everybody may do for themselves, whatever their roles."""
    return any(
        part in name
        for part in (
            "/me/",
            "/step-up/",
            "/api/v1/sign-out",
            "/api/v1/schema/",
            ":/ ",
            "/api/v1/profile",
            "/read/",
            "/api/v1/socket-tickets",
        )
    ) or name.endswith(":/")

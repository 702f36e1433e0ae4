"""Roles: what they hold, who may give them, what a change does."""

import threading
import uuid

import pytest
from django.db import connections
from kernel import tenancy
from kernel.actors import SYSTEM, acting_as
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.audit.models import AuditEntry

from tenant_apps.access import services
from tenant_apps.access.errors import LastOwner, MayNotGrant
from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.permissions import CATALOGUE, SYSTEM_ROLES, missing_needs
from tenant_apps.access.reach import access_of
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.tests import factories

ROLES, MEMBERS = "/api/v1/roles", "/api/v1/members"
READER = {"name": "Reader", "permissions": ["tickets.ticket.read", "organization.member.read"], "visibility": "team"}


def person(tenant, name: str, *roles: str) -> User:
    with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
        user = accounts.create_user(email=f"{name}@{tenant.slug}.example", name=name.title(), password="atende-demo")
        for role in roles:
            services.grant_role(user=user, role=role)
        return user


@pytest.fixture
def olga(database, acme) -> User:
    return person(acme, "olga", "owner")


def assignment(tenant, user) -> uuid.UUID:
    with tenancy.tenant_scope(tenant):
        return RoleAssignment.objects.get(user=user).public_id


def test_every_system_role_is_complete():
    assert [key for key, role in SYSTEM_ROLES.items() if missing_needs(role.codes)] == []


def test_the_catalogue_and_the_roles_are_listed(client_for, ana):
    catalogue = client_for(ana).get("/api/v1/permissions").json()["results"]
    roles = client_for(ana).get(ROLES).json()["results"]

    assert [row["code"] for row in catalogue] == list(CATALOGUE)
    assert all(set(row["needs"]) <= CATALOGUE.keys() for row in catalogue)
    assert [row["key"] for row in roles] == ["owner", "admin", "supervisor", "agent", "light_agent", "viewer"]
    assert next(row for row in roles if row["key"] == "agent")["members"] > 0


def test_a_role_is_created_changed_and_deleted(client_for, ada, acme):
    client = client_for(ada)
    made = client.post_json(ROLES, READER)
    key = made.json()["key"]
    path = f"{ROLES}/{key}"

    assert (made.status_code, made.json()["is_system"], made.json()["permissions"]) == (201, False, sorted(READER["permissions"]))
    assert client.patch_json(path, {"name": "Reads"}, If_Match=made["ETag"]).json()["name"] == "Reads"
    assert client.patch_json(path, {"name": "Again"}, If_Match=made["ETag"]).status_code == 412
    assert client.get(path).json()["name"] == "Reads"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    with tenancy.tenant_scope(acme):
        actions = list(AuditEntry.objects.filter(object_type="role").order_by("n").values_list("action", flat=True))
    assert actions == ["role.create", "role.update", "role.delete"]


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        ({"permissions": ["tickets.ticket.fly"]}, 422, "unknown"),
        ({"permissions": ["tickets.ticket.write"]}, 422, "incomplete"),
        ({"name": " "}, 422, "blank"),
        ({"visibility": "nobody"}, 422, "invalid_choice"),
        ({"name": "ADMIN"}, 409, "role-name-taken"),
        ({"is_system": True}, 422, "unknown"),
    ],
)
def test_a_role_that_makes_no_sense_is_refused(client_for, ada, body, status, what):
    answer = client_for(ada).post_json(ROLES, {**READER, **body})

    assert (answer.status_code, what in answer.content.decode()) == (status, True)
    assert all(role["is_system"] for role in client_for(ada).get(ROLES).json()["results"])


def test_the_systems_roles_cannot_be_changed(client_for, ada):
    assert client_for(ada).patch_json(f"{ROLES}/agent", {"name": "Other"}).status_code == 403
    assert client_for(ada).delete(f"{ROLES}/agent").status_code == 403


def test_a_role_somebody_holds_stays(client_for, ada, ana):
    key = client_for(ada).post_json(ROLES, READER).json()["key"]
    client_for(ada).post_json(f"{MEMBERS}/{ana.public_id}/roles", {"role": key})

    refused = client_for(ada).delete(f"{ROLES}/{key}")

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/role-in-use")


def test_nobody_gives_what_they_lack(client_for, acme, ada, ana, database):
    keeper = person(acme, "kim")
    key = (
        client_for(ada)
        .post_json(ROLES, {"name": "Keeper", "permissions": ["organization.member.read", "access.member.manage", "access.role.manage"]})
        .json()["key"]
    )
    client_for(ada).post_json(f"{MEMBERS}/{keeper.public_id}/roles", {"role": key})
    client = client_for(keeper)

    given = client.post_json(f"{MEMBERS}/{keeper.public_id}/roles", {"role": "admin"})
    widened = client.patch_json(
        f"{ROLES}/{key}", {"permissions": ["organization.member.read", "access.member.manage", "access.apikey.manage"]}
    )
    ended = client.post_json(f"{MEMBERS}/{ana.public_id}/deactivation", {"reassign_to": None})

    assert [answer.status_code for answer in (given, widened, ended)] == [403, 403, 403]
    assert {answer.json()["type"] for answer in (given, widened, ended)} == {"/problems/may-not-grant"}
    assert "access.apikey.manage" in given.json()["missing"]
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).is_active
        assert access_of(User.objects.get(pk=keeper.pk)).codes == {"organization.member.read", "access.member.manage", "access.role.manage"}


def test_only_owners_make_and_unmake_owners(client_for, acme, ada, ana, olga):
    assert client_for(ada).post_json(f"{MEMBERS}/{ana.public_id}/roles", {"role": "owner"}).status_code == 403
    assert client_for(ada).delete(f"{MEMBERS}/{olga.public_id}/roles/{assignment(acme, olga)}").status_code == 403
    assert client_for(olga).post_json(f"{MEMBERS}/{ada.public_id}/roles", {"role": "owner"}).status_code == 201
    assert client_for(olga).delete(f"{MEMBERS}/{olga.public_id}/roles/{assignment(acme, olga)}").status_code == 204


def test_the_last_owner_stays(client_for, acme, olga):
    withdrawn = client_for(olga).delete(f"{MEMBERS}/{olga.public_id}/roles/{assignment(acme, olga)}")
    ended = client_for(olga).post_json(f"{MEMBERS}/{olga.public_id}/deactivation", {"reassign_to": None})

    assert [(answer.status_code, answer.json()["type"]) for answer in (withdrawn, ended)] == [(409, "/problems/last-owner")] * 2


def test_two_owners_who_remove_each_other_leave_one(fresh_database, acme):
    first, second = person(acme, "olga", "owner"), person(acme, "oleg", "owner")
    start, outcomes = threading.Barrier(2), []

    def remove(by: User, whom: User) -> None:
        with tenancy.tenant_scope(acme):
            row = RoleAssignment.objects.get(user=whom)
            start.wait()
            try:
                services.withdraw_role(by=by, assignment=row)
                outcomes.append("removed")
            except (LastOwner, MayNotGrant) as problem:
                outcomes.append(problem.slug)
        connections.close_all()

    threads = [threading.Thread(target=remove, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("removed") == 1
    with tenancy.tenant_scope(acme):
        assert RoleAssignment.objects.filter(role="owner").count() == 1


def test_a_change_counts_from_the_next_request(client_for, acme, ada, ana):
    client = client_for(ana)
    before = client.get("/api/v1/tickets").status_code

    client_for(ada).delete(f"{MEMBERS}/{ana.public_id}/roles/{assignment(acme, ana)}")

    assert (before, client.get("/api/v1/tickets").status_code) == (200, 403)


def test_settings_are_not_for_one_team(client_for, acme, ada, database):
    user = person(acme, "tim")
    with tenancy.tenant_scope(acme):
        team = Team.objects.create(key="one", name="One")
    body = {"role": "admin", "scope_kind": "team", "scope_id": str(team.public_id)}

    given = client_for(ada).post_json(f"{MEMBERS}/{user.public_id}/roles", body)

    assert (given.status_code, given.json()["roles"][0]["scope_name"]) == (201, "One")
    assert client_for(user).get("/api/v1/api-keys").status_code == 403
    assert client_for(user).get("/api/v1/tickets").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"role": "nobody"},
        {"role": "agent", "scope_kind": "team"},
        {"role": "agent", "scope_id": "018f0000-0000-7000-8000-000000000000"},
        {"role": "agent", "scope_kind": "team", "scope_id": "018f0000-0000-7000-8000-000000000000"},
        {"role": "agent", "scope_kind": "planet", "scope_id": "018f0000-0000-7000-8000-000000000000"},
    ],
)
def test_an_assignment_that_names_nothing_is_refused(client_for, ada, ana, body):
    assert client_for(ada).post_json(f"{MEMBERS}/{ana.public_id}/roles", body).status_code == 422


def test_a_leavers_open_tickets_go_to_the_successor(client_for, acme, ada, ana, bea):
    with tenancy.tenant_scope(acme):
        ticket = factories.placed_ticket(assignee=ana)
        number = Ticket.objects.filter(assignee=ana).exclude(category="closed").count()

    answer = client_for(ada).post_json(f"{MEMBERS}/{ana.public_id}/deactivation", {"reassign_to": str(bea.public_id)})

    assert (answer.status_code, answer.json()["handed_on"], answer.json()["member"]["roles"]) == (200, number, [])
    with tenancy.tenant_scope(acme):
        assert Ticket.objects.get(pk=ticket.pk).assignee == bea
        assert not User.objects.get(pk=ana.pk).is_active


def test_members_are_listed_in_few_queries(client_for, ada, acme, django_assert_max_num_queries):
    client = client_for(ada)
    client.get(MEMBERS)
    with django_assert_max_num_queries(12, connection=connections[acme.cluster]) as queries:
        listed = client.get(MEMBERS).json()["results"]
    assert len(queries) > 0
    found = client.get(f"{MEMBERS}?search=ada").json()["results"]

    assert [row["name"] for row in listed] == sorted(row["name"] for row in listed)
    assert [row["name"] for row in found] == ["Ada Prado"]


def test_a_membership_counts_for_team_visibility(client_for, acme, ada, database):
    user = person(acme, "tim")
    key = client_for(ada).post_json(ROLES, READER).json()["key"]
    client_for(ada).post_json(f"{MEMBERS}/{user.public_id}/roles", {"role": key})
    with tenancy.tenant_scope(acme):
        team = Team.objects.create(key="one", name="One")
        factories.placed_ticket(team=team)
    before = client_for(user).get("/api/v1/tickets").json()["results"]

    with tenancy.tenant_scope(acme):
        TeamMembership.objects.create(team=team, user=user)
        services.bump_access_version()

    assert (len(before), len(client_for(user).get("/api/v1/tickets").json()["results"])) == (0, 1)

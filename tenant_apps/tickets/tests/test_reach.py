"""Which tickets a member reaches: the same answer by every route, and the one that brute force gives."""

import random
import uuid

import pytest
from kernel import tenancy
from kernel.actors import SYSTEM, acting_as
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.events.selectors import events_between

from tenant_apps.access import services as access
from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.permissions import SYSTEM_ROLES
from tenant_apps.contacts.selectors import contacts_visible_to
from tenant_apps.messaging.models import Message
from tenant_apps.messaging.selectors import conversations_visible_to, messages_visible_to
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.realtime.selectors import events_visible_to
from tenant_apps.tickets import selectors, services
from tenant_apps.tickets.models import Ticket, TicketConversation, TicketUserObjectPermission
from tenant_apps.tickets.reach import READ, WRITE, tickets_visible_to
from tenant_apps.tickets.tests import factories

TICKETS = "/api/v1/tickets"
CASES = 500


def person(name: str) -> User:
    with acting_as(SYSTEM):
        return accounts.create_user(email=f"{name}@acme.example", name=name.title(), password="atende-demo")


@pytest.fixture
def world(acme, database):
    """Two teams, two inboxes, two people without roles, and a ticket in each corner."""
    with tenancy.tenant_scope(acme), acting_as(SYSTEM):
        teams = [Team.objects.create(key=f"team-{n}", name=f"Team {n}") for n in range(2)]
        inboxes = [factories.mail_inbox(), factories.inbox("form")]
        people = [person("tim"), person("tom")]
        tickets = [
            factories.placed_ticket(assignee=assignee, team=team, inbox=inbox, email=f"c{number}@mail.example", subject=f"Corner {number}")
            for number, (assignee, team, inbox) in enumerate(
                (assignee, team, inbox) for assignee in (None, *people) for team in (None, *teams) for inbox in inboxes
            )
        ]
    return {"teams": teams, "inboxes": inboxes, "people": people, "tickets": tickets}


def expected(user: User, code: str) -> set[int]:
    """What the rules say, ticket by ticket, from the rows alone."""
    custom = {role.key: role for role in CustomRole.objects.all()}
    rows = list(RoleAssignment.objects.filter(user=user))
    holds = lambda row: code in (SYSTEM_ROLES[row.role].codes if row.role in SYSTEM_ROLES else custom[row.role].permissions)  # noqa: E731
    sees = lambda row: SYSTEM_ROLES[row.role].visibility if row.role in SYSTEM_ROLES else custom[row.role].visibility  # noqa: E731
    my_teams = set(TeamMembership.objects.filter(user=user).values_list("team_id", flat=True))
    my_inboxes = {row.scope_id for row in rows if row.scope_kind == "inbox"}
    found = set()
    inboxes_of: dict[int, set[int]] = {}
    for key, inbox in TicketConversation.objects.values_list("ticket_id", "conversation__inbox_id"):
        inboxes_of.setdefault(key, set()).add(inbox)
    for ticket in Ticket.objects.all():
        inboxes = inboxes_of[ticket.pk]
        for row in filter(holds, rows):
            if row.scope_kind == "team":
                inside = ticket.team_id == row.scope_id
            elif row.scope_kind == "inbox":
                inside = row.scope_id in inboxes
            else:
                inside = (
                    sees(row) == "all"
                    or ticket.assignee_id == user.pk
                    or (sees(row) in {"team", "inbox"} and ticket.team_id in my_teams)
                    or (sees(row) == "inbox" and bool(inboxes & my_inboxes))
                )
            if inside:
                found.add(ticket.pk)
    if any(map(holds, rows)):
        kinds = {"change_ticket"} if code == WRITE else {"view_ticket", "change_ticket"}
        shares = TicketUserObjectPermission.objects.filter(user=user, permission__codename__in=kinds)
        found |= set(shares.values_list("content_object_id", flat=True))
    return found


def shuffle(world, dice: random.Random) -> None:
    """Other roles, memberships and shares for both people."""
    RoleAssignment.objects.filter(user__in=world["people"]).delete()
    TeamMembership.objects.filter(user__in=world["people"]).delete()
    TicketUserObjectPermission.objects.all().delete()
    roles = ["agent", "viewer", "light_agent", *CustomRole.objects.values_list("key", flat=True)]
    for user in world["people"]:
        for _ in range(dice.randint(0, 3)):
            kind, scopes = dice.choice([("", [None]), ("", [None]), ("team", world["teams"]), ("inbox", world["inboxes"])])
            scope = dice.choice(scopes)
            RoleAssignment.objects.get_or_create(user=user, role=dice.choice(roles), scope_kind=kind, scope_id=scope.pk if scope else 0)
        for team in world["teams"]:
            if dice.random() < 0.4:
                TeamMembership.objects.create(team=team, user=user)
        for ticket in dice.sample(world["tickets"], dice.choice([0, 0, 1, 3])):
            services.share_ticket(ticket=ticket, user=user, level=dice.choice(["view", "work"]))
    access.bump_access_version()


@pytest.mark.timeout(300)
def test_every_sibling_agrees_with_brute_force(world, acme):
    dice = random.Random(7)
    with tenancy.tenant_scope(acme), acting_as(SYSTEM):
        for visibility in ("own", "team", "inbox", "all"):
            codes = sorted(SYSTEM_ROLES["agent" if visibility != "inbox" else "viewer"].codes)
            CustomRole.objects.create(key=uuid.uuid4().hex, name=visibility, permissions=codes, visibility=visibility)
        shown = 0
        for _ in range(CASES // 2):
            shuffle(world, dice)
            for user in (User.objects.get(pk=person.pk) for person in world["people"]):
                seen = expected(user, READ)
                shown += 0 < len(seen) < len(world["tickets"])
                assert set(tickets_visible_to(user).values_list("pk", flat=True)) == seen
                assert set(tickets_visible_to(user, WRITE).values_list("pk", flat=True)) == expected(user, WRITE)
                agree_with(user, seen)
    assert shown > CASES / 4


def agree_with(user: User, seen: set[int]) -> None:
    """Conversations, messages, contacts, counts and events of the user are those of the tickets they see."""
    links = TicketConversation.objects.filter(ticket_id__in=seen)
    conversations = set(links.values_list("conversation_id", flat=True))
    requesters = set(Ticket.objects.filter(pk__in=seen).values_list("requester_id", flat=True))
    assert set(conversations_visible_to(user).values_list("pk", flat=True)) >= conversations
    if len(seen) < Ticket.objects.count():
        assert set(conversations_visible_to(user).values_list("pk", flat=True)) == conversations
        assert set(contacts_visible_to(user).values_list("pk", flat=True)) == requesters
        assert set(messages_visible_to(user).values_list("conversation_id", flat=True)) <= conversations
    assert selectors.view_counts(user)["open"] == Ticket.objects.filter(pk__in=seen, category__in=["new", "open"]).count()
    page = selectors.ticket_page(user, wanted=selectors.TicketFilter(), limit=100)
    assert {row["id"] for row in page.rows} == seen
    public = {public_id: key for key, public_id in Ticket.objects.values_list("pk", "public_id")}
    told = {
        public[event.aggregate_id]
        for event in events_visible_to(user, events_between(0, None, limit=500))
        if event.aggregate_type == "ticket"
    }
    assert told == seen


@pytest.fixture
def tim(world, acme, client_for):
    """An agent on the first team alone, with a client."""
    with tenancy.tenant_scope(acme), acting_as(SYSTEM):
        user = world["people"][0]
        RoleAssignment.objects.create(user=user, role="agent", scope_kind="team", scope_id=world["teams"][0].pk)
        Ticket.objects.filter(assignee=user).update(assignee=None)
        access.bump_access_version()
    return client_for(user)


def one(world, team) -> Ticket:
    return next(ticket for ticket in world["tickets"] if ticket.team_id == (team.pk if team else None))


def test_an_agent_of_one_team_meets_only_its_tickets(world, acme, tim):
    inside, outside = one(world, world["teams"][0]), one(world, world["teams"][1])
    with tenancy.tenant_scope(acme):
        message = Message.objects.filter(conversation__ticket_links__ticket=outside).first()
        conversation = message.conversation

    listed = tim.get(TICKETS, {"limit": 100}).json()["results"]

    assert {row["team"]["name"] for row in listed} == {"Team 0"}
    assert tim.get(f"{TICKETS}/{inside.public_id}").status_code == 200
    assert tim.get(TICKETS, {"search": f"#{outside.number}"}).json()["results"] == []
    missing = tim.get(f"{TICKETS}/{uuid.uuid4()}")
    for method, path, body in [
        ("GET", f"{TICKETS}/{outside.public_id}", None),
        ("PATCH", f"{TICKETS}/{outside.public_id}", {"priority": "high"}),
        ("PUT", f"{TICKETS}/{outside.public_id}/solution", {}),
        ("GET", f"{TICKETS}/{outside.public_id}/shares", None),
        ("GET", f"/api/v1/conversations/{conversation.public_id}", None),
        ("GET", f"/api/v1/conversations/{conversation.public_id}/messages", None),
        ("POST", f"/api/v1/conversations/{conversation.public_id}/messages", {"body_text": "Hello"}),
        ("GET", f"/api/v1/contacts/{outside.requester.public_id}", None),
    ]:
        answer = tim.send(method, path, body)
        assert (answer.status_code, answer.json()["title"]) == (404, missing.json()["title"]), path


def test_a_ticket_is_not_created_where_one_may_not_write(world, acme, tim):
    body = {"subject": "New", "requester_email": "new@mail.example", "message": "Hello"}
    with tenancy.tenant_scope(acme):
        before = Ticket.objects.count()

    outside = tim.post_json(TICKETS, {**body, "team_id": str(world["teams"][1].public_id)})
    inside = tim.post_json(TICKETS, {**body, "team_id": str(world["teams"][0].public_id)})

    assert (outside.status_code, inside.status_code) == (403, 201)
    with tenancy.tenant_scope(acme):
        assert Ticket.objects.count() == before + 1


def test_a_change_may_take_a_ticket_out_of_reach(world, tim):
    path = f"{TICKETS}/{one(world, world['teams'][0]).public_id}"

    moved = tim.patch_json(path, {"team_id": str(world["teams"][1].public_id)})

    assert (moved.status_code, moved.json()["team"]["name"]) == (200, "Team 1")
    assert tim.get(path).status_code == 404


def test_a_share_opens_one_ticket_to_see_or_to_work_on(world, acme, tim, client_for, ada):
    ticket, user = one(world, world["teams"][1]), world["people"][0]
    path, share = f"{TICKETS}/{ticket.public_id}", f"{TICKETS}/{ticket.public_id}/shares/{user.public_id}"
    admin = client_for(ada)

    assert tim.put_json(share, {"level": "view"}).status_code in {403, 404}
    assert admin.put_json(share, {"level": "view"}).json()["results"] == [{"user": str(user.public_id), "name": "Tim", "level": "view"}]
    assert (tim.get(path).status_code, tim.patch_json(path, {"priority": "high"}).status_code) == (200, 403)
    assert admin.put_json(share, {"level": "work"}).json()["results"][0]["level"] == "work"
    assert tim.patch_json(path, {"priority": "high"}).status_code == 200
    assert admin.put_json(share, {"level": "own"}).status_code == 422
    assert admin.delete(share).status_code == 204
    assert tim.get(path).status_code == 404


def test_a_light_agent_writes_notes_and_a_viewer_nothing(world, acme, client_for):
    with tenancy.tenant_scope(acme), acting_as(SYSTEM):
        light, viewer = world["people"]
        access.grant_role(user=light, role="light_agent")
        access.grant_role(user=viewer, role="viewer")
        conversation = TicketConversation.objects.filter(ticket=world["tickets"][0]).get().conversation
    path = f"/api/v1/conversations/{conversation.public_id}/messages"
    note, reply = {"body_text": "Known", "visibility": "internal"}, {"body_text": "Hello", "visibility": "public"}

    assert [client_for(light).post_json(path, body).status_code for body in (note, reply)] == [201, 403]
    assert [client_for(viewer).post_json(path, body).status_code for body in (note, reply)] == [403, 403]
    assert client_for(viewer).patch_json(f"{TICKETS}/{world['tickets'][0].public_id}", {"priority": "low"}).status_code == 403


@pytest.mark.parametrize(
    ("place", "allowed", "reason", "way"),
    [(0, True, "within-reach", "team"), (1, False, "out-of-reach", None)],
)
def test_the_explanation_says_why(world, tim, client_for, ada, place, allowed, reason, way):
    ticket = one(world, world["teams"][place])
    query = {"user": world["people"][0].public_id, "permission": READ, "object_type": "ticket", "object": ticket.public_id}

    answer = client_for(ada).get("/api/v1/access/explain", query).json()

    assert (answer["is_allowed"], answer["reason"]) == (allowed, reason)
    assert answer["because"][0]["scope_name"] == "Team 0"
    if way:
        assert [because["way"] for because in answer["because"]] == [way]


def test_the_explanation_of_a_setting_held_in_a_scope(world, acme, client_for, ada):
    with tenancy.tenant_scope(acme):
        RoleAssignment.objects.create(user=world["people"][0], role="admin", scope_kind="team", scope_id=world["teams"][0].pk)
    query = {"user": world["people"][0].public_id, "permission": "access.apikey.manage"}

    assert client_for(ada).get("/api/v1/access/explain", query).json() == {"is_allowed": False, "reason": "only-in-a-scope", "because": []}
    assert client_for(ada).get("/api/v1/access/explain", {**query, "permission": "no.such.code"}).status_code == 422
    assert client_for(ada).get("/api/v1/access/explain", {**query, "object_type": "ticket"}).status_code == 422


def test_a_ticket_cannot_be_created_for_a_contact_out_of_reach(world, client_for, in_acme):
    person, (team, other) = world["people"][0], world["teams"]
    access.grant_role(user=person, role="viewer")
    RoleAssignment.objects.filter(user=person).update(role="agent", scope_kind="team", scope_id=team.pk)
    access.bump_access_version()
    hidden = next(ticket for ticket in world["tickets"] if ticket.team_id == other.pk)
    seen = next(ticket for ticket in world["tickets"] if ticket.team_id == team.pk)
    client, before = client_for(person), Ticket.objects.count()
    body = {"subject": "By phone", "team_id": str(team.public_id)}

    answers = [
        client.post_json(TICKETS, {**body, "requester_id": str(public_id)}) for public_id in (hidden.requester.public_id, uuid.UUID(int=7))
    ]

    assert [(answer.status_code, answer.json()["errors"]) for answer in answers] == [
        (422, [{"pointer": "/requester_id", "code": "unknown", "detail": "There is nothing with this id"}])
    ] * 2
    assert Ticket.objects.count() == before
    assert client.post_json(TICKETS, {**body, "requester_id": str(seen.requester.public_id)}).status_code == 201

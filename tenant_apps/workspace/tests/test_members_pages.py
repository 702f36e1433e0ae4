"""The settings pages of members, roles and teams, and the API behind invitations and teams."""

import datetime

import pytest
import time_machine
from kernel import tenancy
from kernel.clock import now
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import Invitation, User
from shared_apps.accounts.services.invitations import token_of

from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.tests import factories

MEMBERS, ROLES, TEAMS = "/settings/members/", "/settings/roles/", "/settings/teams/"
PASSWORD = {"name": "New Person", "password": "a-long-enough-phrase"}


def roles_of(user) -> list[tuple[str, str]]:
    return list(RoleAssignment.objects.filter(user=user).order_by("id").values_list("role", "scope_kind"))


@pytest.fixture
def workshop(in_acme) -> Team:
    return Team.objects.create(key="workshop-2", name="Second workshop")


@pytest.mark.parametrize("path", [MEMBERS, ROLES, f"{ROLES}new/", f"{ROLES}agent/", TEAMS])
def test_the_pages_are_for_admins(browser_for, ana, ada, path):
    assert (browser_for(ana).get(path).status_code, browser_for(ada).get(path).status_code) == (403, 200)


def test_an_admin_invites_an_agent_to_one_team(browser_for, client_for, ada, acme, workshop, in_acme):
    inside = factories.placed_ticket(team=workshop, subject="Inside")
    factories.placed_ticket(subject="Outside", email="other@mail.example")
    admin = browser_for(ada)

    sent = admin.post(MEMBERS, {"email": "New@People.example", "role": "agent", "scope": f"team:{workshop.public_id}"})
    listed = admin.get(MEMBERS).content.decode()
    invitation = Invitation.objects.get(email="new@people.example")
    accepted = client_for(None, acme).post(f"/invitations/{token_of(invitation)}/", PASSWORD)

    assert (sent.status_code, sent["Location"]) == (302, f"{MEMBERS}?done=invited")
    assert "new@people.example" in listed and "Second workshop" in listed  # noqa: PT018 (one row)
    assert accepted.status_code == 302
    user = User.objects.get(email="new@people.example")
    assert roles_of(user) == [("agent", "team")]
    shown = client_for(user, acme).get("/api/v1/tickets").json()["results"]
    assert [row["number"] for row in shown] == [inside.number]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "nobody", "role": "agent"}, "This is no e-mail address"),
        ({"email": "ana@acme.example", "role": "agent"}, "belongs to a member already"),
        ({"email": "new@people.example", "role": "agent", "scope": "team:x"}, "There is nothing with this id"),
        ({"email": "new@people.example", "role": "king"}, "There is no such role"),
    ],
)
def test_a_wrong_invitation_is_told_in_place(browser_for, ada, in_acme, form, words):
    before = Invitation.objects.count()

    answer = browser_for(ada).post(MEMBERS, form)

    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert Invitation.objects.count() == before


def test_a_renewed_invitation_ends_the_old_link(browser_for, client_for, ada, acme, in_acme):
    admin = browser_for(ada)
    admin.post(MEMBERS, {"email": "new@people.example", "role": "viewer"})
    first = Invitation.objects.get(email="new@people.example")

    admin.post(f"{MEMBERS}invitations/{first.public_id}/renew/")
    second = Invitation.objects.filter(email="new@people.example").latest("id")
    late = client_for(None, acme).post(f"/invitations/{token_of(first)}/", PASSWORD)

    assert (second.pk != first.pk, late.status_code) == (True, 409)
    admin.post(f"{MEMBERS}invitations/{second.public_id}/end/")
    assert client_for(None, acme).post(f"/invitations/{token_of(second)}/", PASSWORD).status_code == 409
    assert not User.objects.filter(email="new@people.example").exists()


def test_b01_an_invitation_ends_by_time_and_by_use(client_for, ada, acme, in_acme):
    made = client_for(ada).post_json("/api/v1/invitations", {"email": "new@people.example", "role": "viewer"})
    token = token_of(Invitation.objects.get(public_id=made.json()["id"]))
    nobody = client_for(None, acme)

    with time_machine.travel(now() + datetime.timedelta(days=7, minutes=1)):
        assert nobody.post(f"/invitations/{token}/", PASSWORD).status_code == 409
    assert nobody.post(f"/invitations/{token}/", PASSWORD).status_code == 302
    assert nobody.post(f"/invitations/{token}/", PASSWORD).status_code == 409
    assert "token" not in made.json()
    assert token not in made.content.decode()


def test_nobody_invites_to_more_than_they_hold(client_for, ada, in_acme):
    answer = client_for(ada).post_json("/api/v1/invitations", {"email": "new@people.example", "role": "owner"})

    assert (answer.status_code, Invitation.objects.filter(email="new@people.example").exists()) == (403, False)


def test_an_admin_does_not_undo_an_owners_invitation(client_for, browser_for, ada, acme, in_acme):
    with tenancy.tenant_scope(acme):
        invitation = accounts.invite(email="boss@people.example", role="owner")

    by_api = client_for(ada).send("DELETE", f"/api/v1/invitations/{invitation.public_id}")
    by_page = browser_for(ada).post(f"{MEMBERS}invitations/{invitation.public_id}/end/")

    assert (by_api.status_code, by_page.status_code) == (403, 403)
    assert Invitation.objects.get(pk=invitation.pk).is_open(now())


def test_roles_are_given_and_taken_on_the_members_page(browser_for, ada, ana, workshop, in_acme):
    admin, path = browser_for(ada), f"{MEMBERS}{ana.public_id}/"

    admin.post(f"{path}roles/", {"role": "supervisor", "scope": f"team:{workshop.public_id}"})
    shown = admin.get(path).content.decode()
    row = RoleAssignment.objects.get(user=ana, role="supervisor")
    admin.post(f"{path}roles/{row.public_id}/take/")
    refused = admin.post(f"{path}roles/", {"role": "owner", "scope": ""})

    assert "Second workshop" in shown
    assert roles_of(ana) == [("agent", "")]
    assert (refused.status_code, "You cannot give or take rights that you do not hold" in refused.content.decode()) == (403, True)


def test_the_page_explains_and_shows_what_they_see(browser_for, ada, ana, in_acme):
    ticket = factories.ticket(subject="Brake rubs")

    yes = browser_for(ada).get(f"{MEMBERS}{ana.public_id}/", {"permission": "tickets.ticket.read", "ticket": f"#{ticket.number}"})
    no = browser_for(ada).get(f"{MEMBERS}{ana.public_id}/", {"permission": "access.apikey.manage"})
    wrong = browser_for(ada).get(f"{MEMBERS}{ana.public_id}/", {"permission": "tickets.ticket.read", "ticket": "999999"})

    assert "reaches all tickets" in yes.content.decode()
    assert "Brake rubs" in yes.content.decode()
    assert "none of their roles holds it" in no.content.decode()
    assert (wrong.status_code, "There is no ticket with this number" in wrong.content.decode()) == (422, True)


def test_a_member_is_deactivated_with_a_successor(browser_for, ada, ana, bea, in_acme):
    ticket = factories.placed_ticket(assignee=ana)

    answer = browser_for(ada).post(f"{MEMBERS}{ana.public_id}/end/", {"reassign_to": str(bea.public_id)})

    assert answer.status_code == 302
    assert Ticket.objects.get(pk=ticket.pk).assignee == bea
    assert browser_for(ana).get("/inbox/").status_code == 302  # to the sign-in


def test_a_change_of_a_role_is_shown_before_it_is_saved(browser_for, ada, in_acme):
    admin = browser_for(ada)
    admin.post(f"{ROLES}new/", {"name": "Reader", "permissions": ["tickets.ticket.read"], "visibility": "team"})
    role = CustomRole.objects.get(name="Reader")
    form = {"name": "Reader", "permissions": ["contacts.contact.read"], "visibility": "team", "version": "1"}

    preview = admin.post(f"{ROLES}{role.key}/", form).content.decode()
    unchanged = CustomRole.objects.get(pk=role.pk).permissions
    saved = admin.post(f"{ROLES}{role.key}/", {**form, "confirmed": "1"})
    stale = admin.post(f"{ROLES}{role.key}/", {**form, "name": "Other", "confirmed": "1"})

    assert "<s>See tickets</s>" in preview
    assert unchanged == ["tickets.ticket.read"]
    assert (saved.status_code, stale.status_code) == (302, 412)
    assert CustomRole.objects.get(pk=role.pk).permissions == ["contacts.contact.read"]
    assert admin.post(f"{ROLES}{role.key}/delete/").status_code == 302
    assert not CustomRole.objects.exists()


def test_teams_are_made_filled_renamed_and_deleted(browser_for, ada, ana, in_acme):
    admin = browser_for(ada)
    admin.post(TEAMS, {"name": "Returns"})
    team = Team.objects.get(name="Returns")
    path = f"{TEAMS}{team.public_id}/"

    admin.post(path, {"act": "add", "user_id": str(ana.public_id)})
    inside = TeamMembership.objects.filter(team=team, user=ana).exists()
    admin.post(path, {"act": "rename", "name": "Returns and refunds"})
    factories.placed_ticket(team=team)
    kept = admin.post(path, {"act": "delete"})
    again = admin.post(TEAMS, {"name": "returns AND refunds"})

    assert inside
    assert Team.objects.get(pk=team.pk).name == "Returns and refunds"
    assert (kept.status_code, "move them first" in kept.content.decode()) == (409, True)
    assert (again.status_code, "There is a team of this name already" in again.content.decode()) == (422, True)
    Ticket.objects.filter(team=team).update(team=None)
    admin.post(path, {"act": "remove", "user_id": str(ana.public_id)})
    admin.post(path, {"act": "delete"})
    assert not Team.objects.filter(pk=team.pk).exists()


def test_the_api_of_teams(client_for, ada, ana, acme, in_acme):
    admin = client_for(ada)
    made = admin.post_json("/api/v1/teams", {"name": "Returns"}).json()
    path = f"/api/v1/teams/{made['id']}"
    given = {"role": "viewer", "scope_kind": "team", "scope_id": made["id"]}

    assert admin.put_json(f"{path}/members/{ana.public_id}").status_code == 204
    assert [row["name"] for row in admin.get(f"{path}/members").json()["results"]] == ["Ana Souza"]
    assert admin.patch_json(path, {"name": "Refunds"}).json()["members"] == 1
    assert admin.post_json(f"/api/v1/members/{ana.public_id}/roles", given).status_code == 201
    assert admin.send("DELETE", f"{path}/members/{ana.public_id}").status_code == 204
    assert admin.send("DELETE", path).status_code == 204
    assert roles_of(ana) == [("agent", "")]
    assert client_for(ana).post_json("/api/v1/teams", {"name": "Mine"}).status_code == 403


def test_a_scoped_agent_sees_only_that_teams_tickets_on_the_pages(browser_for, ada, acme, workshop, in_acme):
    inside = factories.placed_ticket(team=workshop, subject="Inside the team")
    outside = factories.placed_ticket(subject="Somebody else's", email="other@mail.example")
    light = User.objects.get(email="bea@acme.example")
    RoleAssignment.objects.filter(user=light).delete()
    RoleAssignment.objects.create(user=light, role="light_agent", scope_kind="team", scope_id=workshop.pk)
    page = browser_for(light)

    listed = page.get("/inbox/v/open/").content.decode()
    opened = page.get(f"/inbox/{inside.public_id}/").content.decode()

    assert ("Inside the team" in listed, "Somebody else" in listed) == (True, False)
    assert ('value="note" checked' in opened, 'value="reply"' in opened) == (True, False)
    assert page.get(f"/inbox/{outside.public_id}/").status_code == 404
    assert page.post(f"/inbox/{inside.public_id}/fields/", {"priority": "high"}).status_code == 403
    assert page.post(f"/inbox/{inside.public_id}/messages/", {"kind": "reply", "body_text": "Hello"}).status_code == 403
    assert page.post(f"/inbox/{inside.public_id}/messages/", {"kind": "note", "body_text": "Known"}).status_code == 302
    assert page.get("/settings/members/").status_code == 403


def test_a_message_is_sent_again_only_through_its_own_ticket(browser_for, ana, acme, in_acme):
    first, second = factories.ticket(), factories.ticket(email="other@mail.example")
    with tenancy.tenant_scope(acme):
        message = second.conversation_links.get().conversation.messages.first()

    assert browser_for(ana).post(f"/inbox/{first.public_id}/messages/{message.public_id}/retry/").status_code == 404

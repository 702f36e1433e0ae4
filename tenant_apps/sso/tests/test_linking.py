"""Whom claims mean, and which roles they give."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from shared_apps.accounts import second_step
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, Invitation, User
from shared_apps.audit.models import AuditEntry

from tenant_apps.access.models import AccessVersion, RoleAssignment
from tenant_apps.access.services import assign_role, bump_access_version
from tenant_apps.organization.models import Team
from tenant_apps.organization.selectors import team_scope
from tenant_apps.sso.models import GivenRole, Identity
from tenant_apps.sso.tests.factories import connection, group, is_signed_in, make_owner, sign_in


@pytest.fixture
def people(signer, ada, in_acme):
    """A connection that creates people, whose claims a test changes."""

    def make(**values):
        wanted = {"is_creating_users": True, "default_role": "agent", "group_claim": "groups", **values}
        return connection(ada, signer, **wanted)

    signer.claims = {"email": "new@acme.example", "email_verified": True, "name": "New Person"}
    return make


def cause():
    return AuditEntry.objects.filter(action="sso.refuse").latest("n").changes["cause"][1]


def roles_of(user):
    return sorted(RoleAssignment.objects.filter(user=user).values_list("role", "scope_kind"))


def again(acme, found, signer):
    browser = Client(HTTP_HOST=acme.host)
    return sign_in(browser, found, signer), browser


def test_b04_a_password_that_its_mailbox_never_proved_ends(people, signer, acme, browser):
    found = people()
    victim = accounts.create_user(email="new@acme.example", name="Not theirs", password="the-attackers-own")
    RoleAssignment.objects.create(user=victim, role="agent")
    bump_access_version()
    _, key = accounts.create_api_key(user=victim, name="kept for later")
    attacker = Client(HTTP_HOST=acme.host)
    attacker.post("/sign-in/", {"email": victim.email, "password": "the-attackers-own"})
    assert is_signed_in(attacker)

    sign_in(browser, found, signer)

    assert (is_signed_in(browser), is_signed_in(attacker)) == (True, False)
    retry = Client(HTTP_HOST=acme.host)
    assert retry.post("/sign-in/", {"email": victim.email, "password": "the-attackers-own"}).status_code == 401
    assert retry.get("/api/v1/profile", HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_ACCEPT="application/json").status_code == 401
    assert ApiKey.objects.filter(user=victim).count() == 0
    assert AuditEntry.objects.filter(action="user.void_credentials", object_id=victim.public_id).count() == 1


def test_b04_a_password_that_came_by_an_invitation_stays(people, signer, acme, browser):
    found = people()
    invitation = accounts.invite(email="new@acme.example", role="agent")
    user = accounts.accept_invitation(invitation=invitation, name="New", password="a-long-enough-phrase")

    sign_in(browser, found, signer)

    assert Identity.objects.get().user == user
    own = Client(HTTP_HOST=acme.host)
    assert own.post("/sign-in/", {"email": user.email, "password": "a-long-enough-phrase"}).status_code == 302
    assert Invitation.objects.get(pk=invitation.pk).used_at is not None


def test_b04_the_attackers_second_step_ends_too(people, signer, browser):
    found = people()
    user = accounts.create_user(email="new@acme.example", name="Not theirs", password="the-attackers-own")
    RoleAssignment.objects.create(user=user, role="agent")
    secret, enrolment = second_step.begin(user)
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    accounts.enable_second_step(user=user, password="the-attackers-own", enrolment=enrolment, code=code)
    assert second_step.is_enabled(user)

    answer = sign_in(browser, found, signer)

    assert (answer["Location"], second_step.is_enabled(user)) == ("/inbox/", False)


def test_the_subject_counts_before_the_address(people, signer, acme, browser):
    found = people()
    sign_in(browser, found, signer)
    signer.claims["email"] = "renamed@another.example"

    answer, other = again(acme, found, signer)

    assert (answer.status_code, is_signed_in(other)) == (302, True)
    assert User.objects.filter(email="new@acme.example").count() == 1
    assert not User.objects.filter(email="renamed@another.example").exists()


def test_another_person_with_the_same_address_is_refused(people, signer, acme, browser):
    found = people()
    sign_in(browser, found, signer)
    signer.claims["sub"] = "subject-2"

    answer, other = again(acme, found, signer)

    assert (answer.status_code, is_signed_in(other), cause()) == (401, False, "already-linked")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"email_verified": False}, "email-unverified"),
        ({"email_verified": "true"}, "email-unverified"),
        ({"email_verified": None}, "email-unverified"),
        ({"email": "new@another.example"}, "domain-not-proven"),
        ({"email": "new@sub.acme.example"}, "domain-not-proven"),
        ({"email": "new@evilacme.example"}, "domain-not-proven"),
        ({"email": "new@acme.example.evil.example"}, "domain-not-proven"),
        ({"email": "new@evil.example@acme.example"}, "email-missing"),
        ({"email": "<new@acme.example>"}, "email-missing"),
        ({"email": ["new@acme.example"]}, "email-missing"),
        ({"email": ""}, "email-missing"),
    ],
)
def test_addresses_that_are_not_believed(people, signer, browser, claims, why):
    found = people()
    before = User.objects.count()
    signer.claims |= claims

    answer = sign_in(browser, found, signer)

    assert (answer.status_code, is_signed_in(browser), cause()) == (401, False, why)
    assert (User.objects.count(), Identity.objects.count()) == (before, 0)


def test_an_authoritative_provider_needs_no_verified_mark_but_still_the_domain(people, signer, browser, acme):
    found = people(is_email_authoritative=True)
    signer.claims["email_verified"] = False

    assert sign_in(browser, found, signer).status_code == 302
    signer.claims |= {"email": "x@another.example", "sub": "subject-2"}
    assert (again(acme, found, signer)[0].status_code, cause()) == (401, "domain-not-proven")


def test_a_domain_that_is_only_claimed_is_not_trusted(people, signer, browser):
    found = people()
    found.domains.update(verified_at=None)

    assert (sign_in(browser, found, signer).status_code, cause()) == (401, "domain-not-proven")


def test_who_was_deactivated_stays_out(people, signer, acme, browser):
    found = people()
    sign_in(browser, found, signer)
    accounts.deactivate_user(user=User.objects.get(email="new@acme.example"))

    answer, other = again(acme, found, signer)

    assert (answer.status_code, is_signed_in(other), cause()) == (401, False, "user-inactive")


def test_a_deactivated_member_is_not_linked_by_address(people, signer, browser, ana):
    found = people()
    accounts.deactivate_user(user=ana)
    signer.claims["email"] = ana.email

    assert (sign_in(browser, found, signer).status_code, cause(), Identity.objects.count()) == (401, "user-inactive", 0)


def test_a_service_account_is_nobody_to_sign_in_as(people, signer, browser):
    found = people()
    account = accounts.create_service_account(name="Sync")
    User.objects.filter(pk=account.pk).update(email="new@acme.example")

    assert (sign_in(browser, found, signer).status_code, cause(), Identity.objects.count()) == (401, "service-account", 0)


def test_without_creation_only_members_come_in(people, signer, browser):
    found = people(is_creating_users=False)

    assert (sign_in(browser, found, signer).status_code, cause()) == (401, "not-a-member")
    assert not User.objects.filter(email="new@acme.example").exists()


def test_who_would_have_no_role_is_not_created(people, signer, browser):
    found = people(default_role="", mappings=(group("readers", "viewer"),))
    signer.claims["groups"] = ["others"]

    assert (sign_in(browser, found, signer).status_code, cause()) == (401, "no-role")
    assert not User.objects.filter(email="new@acme.example").exists()


def test_the_default_role_and_the_groups_roles(people, signer, browser):
    team = Team.objects.create(key="sso-team", name="Team")
    found = people(mappings=(group("writers", "supervisor", "team", team_scope(team.public_id)), group("others", "viewer")))
    signer.claims["groups"] = ["writers", "unknown", 7]

    sign_in(browser, found, signer)

    user = User.objects.get(email="new@acme.example")
    assert roles_of(user) == [("agent", ""), ("supervisor", "team")]
    assert GivenRole.objects.get().assignment.role == "supervisor"


def test_roles_follow_the_groups_and_only_those_it_gave(people, signer, acme, browser, ada):
    found = people(mappings=(group("writers", "supervisor"), group("readers", "viewer")))
    signer.claims["groups"] = ["writers", "readers"]
    sign_in(browser, found, signer)
    user = User.objects.get(email="new@acme.example")
    assign_role(by=ada, user=user, role="light_agent")
    signer.claims["groups"] = ["readers"]
    before = AccessVersion.objects.get().number

    again(acme, found, signer)

    assert roles_of(user) == [("agent", ""), ("light_agent", ""), ("viewer", "")]
    assert AccessVersion.objects.get().number > before
    assert AuditEntry.objects.filter(action="role.withdraw", object_id=user.public_id).count() == 1
    settled = AccessVersion.objects.get().number
    again(acme, found, signer)
    assert AccessVersion.objects.get().number == settled, "a sign-in that changes nothing lets nobody look again"


def test_a_role_given_by_hand_is_not_taken_when_the_group_goes(people, signer, acme, browser, ana):
    found = people(mappings=(group("writers", "agent"),))
    signer.claims |= {"email": ana.email, "groups": ["writers"]}
    sign_in(browser, found, signer)
    signer.claims["groups"] = []

    again(acme, found, signer)

    assert ("agent", "") in roles_of(ana)
    assert GivenRole.objects.count() == 0


def test_who_loses_the_last_role_is_refused_and_the_role_is_gone(people, signer, acme, browser):
    found = people(default_role="", mappings=(group("readers", "viewer"),))
    signer.claims["groups"] = ["readers"]
    sign_in(browser, found, signer)
    signer.claims["groups"] = []

    answer, other = again(acme, found, signer)

    assert (answer.status_code, is_signed_in(other), cause()) == (401, False, "no-role")
    assert roles_of(User.objects.get(email="new@acme.example")) == []


def test_the_last_owner_stays_one_whatever_the_groups_say(people, signer, acme, browser, ada):
    RoleAssignment.objects.filter(role="owner").delete()
    make_owner(ada)
    found = people(mappings=(group("bosses", "owner"),))
    type(found).objects.filter(pk=found.pk).update(is_owner_approved=True)
    signer.claims["groups"] = ["bosses"]
    sign_in(browser, found, signer)
    boss = User.objects.get(email="new@acme.example")
    RoleAssignment.objects.filter(user=ada, role="owner").delete()
    bump_access_version()
    signer.claims["groups"] = []

    answer, other = again(acme, found, signer)

    assert (answer.status_code, is_signed_in(other)) == (302, True)
    assert ("owner", "") in roles_of(boss)
    assert AuditEntry.objects.filter(action="sso.keep_last_owner", object_id=boss.public_id, outcome="refused").count() == 1


def test_an_admins_connection_lets_no_owner_in(people, signer, browser, bea):
    """Otherwise an admin with a provider of their own would be an owner tomorrow."""
    found = people()
    make_owner(bea)
    signer.claims["email"] = bea.email

    assert (sign_in(browser, found, signer).status_code, cause(), Identity.objects.count()) == (401, "owner-not-approved", 0)
    type(found).objects.filter(pk=found.pk).update(is_owner_approved=True)
    assert sign_in(browser, found, signer).status_code == 302

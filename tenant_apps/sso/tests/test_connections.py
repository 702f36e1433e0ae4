"""Connections by the API: who may set up what, what makes a draft of one, and where the secret never is."""

import io
import json
import logging

import pytest
from kernel.db.routing import connection_in_scope
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants.lifecycle.tables import SECRETS

from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.organization.models import Team
from tenant_apps.sso.models import Connection, ConnectionDomain
from tenant_apps.sso.tests.factories import connection, make_owner, sign_in

PATH = "/api/v1/sso/connections"
SECRET = "a-very-secret-secret-of-the-client"


@pytest.fixture
def body(signer):
    return {"name": "Company", "issuer": signer.issuer, "client_id": "atende", "client_secret": SECRET}


@pytest.fixture
def keeper(ana, in_acme):
    """An agent who may set up single sign-on and nothing else."""
    role = CustomRole.objects.create(key="keeper", name="Keeper", permissions=["access.sign_in.manage"])
    RoleAssignment.objects.create(user=ana, role=role.key)
    bump_access_version()
    return ana


def path_of(found):
    return f"{PATH}/{found.public_id}"


def test_agents_may_not_even_look(client_for, browser_for, ana, ada, signer, in_acme, body):
    found, api = connection(ada, signer), client_for(ana)

    answers = [api.get(PATH), api.post_json(PATH, body), api.get(path_of(found)), api.patch_json(path_of(found), {"name": "x"})]
    answers += [api.send("DELETE", path_of(found)), api.post_json(f"{path_of(found)}/test"), browser_for(ana).get("/settings/sso/")]

    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert Connection.objects.get().name == "Company"


def test_the_secret_is_never_in_answers_audit_entries_or_logs(client_for, browser_for, ada, in_acme, body, signer, browser):
    api, heard = client_for(ada), io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    signer.client_secret = SECRET
    try:
        made = api.post_json(PATH, body)
        one = f"{PATH}/{made.json()['id']}"
        answers = [made, api.get(PATH), api.get(one), api.patch_json(one, {"client_secret": f"{SECRET}2"})]
        answers += [
            api.patch_json(one, {"client_secret": SECRET}),
            api.post_json(one + "/test"),
            api.post_json(PATH, {**body, "issuer": "x"}),
        ]
        answers += [browser_for(ada).get(f"/settings/sso/{made.json()['id']}/")]
        Connection.objects.update(state="enabled")
        found = Connection.objects.get()
        ConnectionDomain.objects.create(connection=found, domain="acme.example", proof="x", verified_at=found.created_at)
        signer.claims = {"email": "ana@acme.example", "email_verified": True}
        answers += [sign_in(browser, found, signer)]
    finally:
        logging.getLogger().removeHandler(handler)

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 201, 422, 200, 302]
    assert all(SECRET.encode() not in answer.content for answer in answers)
    assert SECRET not in heard.getvalue()
    assert made.json()["client_secret_set_at"] is not None
    assert "client_secret" not in made.json()
    assert SECRET not in json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))
    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT * FROM sso_connection")
        assert SECRET not in str(cursor.fetchall())


def test_connections_stay_out_of_archives():
    assert {"sso_connection", "sso_connectiondomain", "sso_grouprole", "sso_identity", "sso_givenrole", "sso_attempt"} <= SECRETS


@pytest.mark.parametrize("change", [{"issuer": "https://login.example.com"}, {"client_id": "other"}, {"client_secret": "other"}])
def test_another_provider_makes_a_draft_again(client_for, ada, signer, in_acme, change):
    found, api = connection(ada, signer, state="enforced"), client_for(ada)

    answer = api.patch_json(path_of(found), change)

    assert (answer.status_code, answer.json()["state"], answer.json()["is_owner_approved"]) == (200, "draft", False)
    found.refresh_from_db()
    assert found.configuration == 2


@pytest.mark.parametrize("change", [{"name": "Other"}, {"client_secret": "a-secret-of-the-client"}, {"group_claim": "groups"}, {}])
def test_other_changes_leave_it_on(client_for, ada, signer, in_acme, change):
    found, api = connection(ada, signer, state="enabled"), client_for(ada)

    answer = api.patch_json(path_of(found), change)

    assert (answer.status_code, answer.json()["state"]) == (200, "enabled")


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://login.example.com", "ftp://login.example.com", "login.example.com", "https://u:p@login.example.com", "https:///x"),
        *("https://127.0.0.1", "https://localhost", "https://10.0.0.1", "https://169.254.169.254/latest", "https://2130706433"),
        *("https://0x7f.1", "https://0177.1", "https://[::1]", "https://[::ffff:127.0.0.1]", "https://[64:ff9b::7f00:1]"),
        *("https://acme.localhost", "https://login.example.com:6379", "https://login.example.com/?x=1", "https://login.example.com/\\x"),
    ],
)
def test_e01_e03_issuers_inside_are_refused_when_they_are_saved(client_for, ada, in_acme, body, issuer):
    answer = client_for(ada).post_json(PATH, {**body, "issuer": issuer})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/issuer")
    assert Connection.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"group_claim": "groups", "group_roles": [{"group": "x", "role": "admin"}]},
        {"group_claim": "groups", "group_roles": [{"group": "x", "role": "owner"}]},
        {"default_role": "admin"},
    ],
)
def test_nobody_gives_by_a_group_what_they_lack(client_for, keeper, ada, signer, in_acme, change, body):
    found = connection(ada, signer, state="draft")

    answer = client_for(keeper).patch_json(path_of(found), change)
    fresh = client_for(keeper).post_json(PATH, {**body, **change})

    assert [(one.status_code, one.json()["type"]) for one in (answer, fresh)] == [(403, "/problems/may-not-grant")] * 2
    assert (Connection.objects.count(), found.group_roles.count()) == (1, 0)


def test_an_admin_maps_no_group_to_owner(client_for, ada, signer, in_acme):
    found = connection(ada, signer)

    answer = client_for(ada).patch_json(path_of(found), {"group_claim": "g", "group_roles": [{"group": "x", "role": "owner"}]})

    assert (answer.status_code, found.group_roles.count()) == (403, 0)
    assert client_for(ada).patch_json(path_of(found), {"default_role": "owner"}).status_code == 422


def test_who_lacks_what_admins_have_opens_and_changes_nothing_that_signs_in(client_for, keeper, ada, signer, in_acme):
    api, tested, opened = client_for(keeper), connection(ada, signer, state="tested"), connection(ada, signer, domain="b.example")

    answers = [api.put_json(f"{path_of(tested)}/state", {"state": "enabled"}), api.patch_json(path_of(opened), {"name": "x"})]
    answers += [api.send("DELETE", path_of(opened)), api.put_json(f"{path_of(opened)}/state", {"state": "tested"})]
    answers += [api.send("DELETE", f"{path_of(opened)}/domains/{opened.domains.get().public_id}")]

    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [(403, "/problems/may-not-grant")] * 5
    assert list(Connection.objects.order_by("id").values_list("state", "name")) == [("tested", "Company"), ("enabled", "Company")]
    assert api.patch_json(path_of(tested), {"name": "y"}).status_code == 200


def test_owners_are_let_in_once_an_owner_has_switched_it_on(client_for, ada, bea, signer, in_acme):
    found = connection(ada, signer, state="tested")
    make_owner(bea)

    by_admin = client_for(ada).put_json(f"{path_of(found)}/state", {"state": "enabled"}).json()["is_owner_approved"]
    by_owner = client_for(bea).put_json(f"{path_of(found)}/state", {"state": "enabled"}).json()["is_owner_approved"]
    after = client_for(ada).patch_json(path_of(found), {"is_email_authoritative": True}).json()["is_owner_approved"]

    assert (by_admin, by_owner, after) == (False, True, False)


def test_it_is_not_the_only_way_in_where_no_owner_has_a_password(client_for, ada, signer, in_acme):
    found = connection(ada, signer)
    RoleAssignment.objects.filter(role="owner").delete()
    bump_access_version()

    answer = client_for(ada).put_json(f"{path_of(found)}/state", {"state": "enforced"})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/sso-no-break-glass")
    found.refresh_from_db()
    assert found.state == "enabled"


def test_a_state_that_only_a_test_gives_cannot_be_set(client_for, ada, signer, in_acme):
    found = connection(ada, signer)

    assert client_for(ada).put_json(f"{path_of(found)}/state", {"state": "draft"}).status_code == 422


def test_a_group_gives_a_role_in_a_team(client_for, ada, signer, in_acme, globex):
    team, found, api = Team.objects.create(key="one", name="One"), connection(ada, signer), client_for(ada)
    row = {"group": "x", "role": "agent", "scope_kind": "team", "scope_id": str(team.public_id)}

    answer = api.patch_json(path_of(found), {"group_claim": "groups", "group_roles": [row]})
    unknown = api.patch_json(path_of(found), {"group_roles": [{**row, "scope_id": str(found.public_id)}]})
    half = api.patch_json(path_of(found), {"group_roles": [{"group": "x", "role": "agent", "scope_kind": "team"}]})

    assert (answer.status_code, answer.json()["group_roles"]) == (200, [row])
    assert (unknown.status_code, half.status_code) == (422, 422)
    assert AuditEntry.objects.filter(action="sso.update").latest("n").changes["group_roles"][1] == [f"x -> agent @ team:{team.public_id}"]


def test_a_stale_version_changes_nothing(client_for, ada, signer, in_acme):
    found, api = connection(ada, signer), client_for(ada)
    api.patch_json(path_of(found), {"name": "Second"}, If_Match='"1"')

    answer = api.patch_json(path_of(found), {"name": "Third"}, If_Match='"1"')

    assert (answer.status_code, Connection.objects.get().name) == (412, "Second")


@pytest.mark.parametrize(
    "domain", ["", "x", "127.0.0.1", "a b.example", "@acme.example", "acme.example/x", "localhost", "acme.localhost", "-x.example"]
)
def test_domains_that_are_none(client_for, ada, signer, in_acme, domain):
    found = connection(ada, signer)

    answer = client_for(ada).post_json(f"{path_of(found)}/domains", {"domain": domain})

    assert (answer.status_code, found.domains.count()) == (422, 1)


def test_a_domain_belongs_to_one_connection(client_for, ada, signer, in_acme):
    found = connection(ada, signer)

    answer = client_for(ada).post_json(f"{path_of(found)}/domains", {"domain": "ACME.example."})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/sso-domain-taken")


@pytest.mark.parametrize("wrong", ["atende-domain=", "atende-domain=00000000000000000000000000000000", "x {}", "{}x"])
def test_a_record_that_is_not_exactly_ours_proves_nothing(client_for, ada, signer, names, in_acme, wrong):
    found, api = connection(ada, signer), client_for(ada)
    domain = api.post_json(f"{path_of(found)}/domains", {"domain": "new.example"}).json()
    names.records["new.example"] = [wrong.format(domain["txt_record"])]

    answer = api.post_json(f"{path_of(found)}/domains/{domain['id']}/verification")

    assert answer.status_code == 409
    assert ConnectionDomain.objects.get(domain="new.example").verified_at is None


def test_deleting_a_connection_takes_all_of_it_and_leaves_the_roles(client_for, ada, signer, browser, in_acme):
    found = connection(ada, signer, is_creating_users=True, default_role="viewer")
    signer.claims = {"email": "new@acme.example", "email_verified": True}
    sign_in(browser, found, signer)

    answer = client_for(ada).send("DELETE", path_of(found))

    assert (answer.status_code, Connection.objects.count(), ConnectionDomain.objects.count()) == (204, 0, 0)
    assert RoleAssignment.objects.filter(user__email="new@acme.example", role="viewer").count() == 1

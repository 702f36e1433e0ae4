"""Group B of the attack catalogue: accounts, rights and sessions, as far as no file beside the code holds a case already."""

import pytest
from django.conf import settings
from django.test import Client
from kernel import tenancy
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.connectors.models import Inbox
from tenant_apps.messaging.models import Attachment, Message
from tenant_apps.tickets.tests import factories

from tests.isolation import canaries, crawl, routes, test_role_matrix

ORIGINS = ["https://evil-{host}", "https://{host}.evil.example", "null", "http://{other}", "https://{host}", "http://{host}:1"]
FORWARDED = ["203.0.113.{n}", "2001:db8::{n}", "junk-{n}", "203.0.113.{n}, 10.0.0.1", ", ".join(["198.51.100.{n}"] * 40)]
SETUP = [
    *("/setup/", "/install/", "/installation/", "/onboarding/", "/getting-started/", "/first-run/", "/wizard/", "/register/", "/sign-up/"),
    *("/admin/", "/api/v1/setup", "/api/v1/install", "/api/v1/getting_started", "/api/v1/signup", "/api/v1/users", "/api/v1/tenants"),
]


@pytest.mark.parametrize("pattern", FORWARDED)
def test_b06_the_lock_out_of_a_sign_in_does_not_move_with_forged_addresses(acme, ana, pattern):
    statuses = []
    for number in range(12):
        client = Client(HTTP_HOST=acme.host, HTTP_X_FORWARDED_FOR=pattern.format(n=number), HTTP_X_REAL_IP=f"192.0.2.{number}")
        statuses.append(client.post("/sign-in/", {"email": ana.email, "password": "wrong"}).status_code)

    assert statuses == [401] * 10 + [429] * 2


@pytest.mark.parametrize(
    "field",
    ["password", "is_superuser", "is_staff", "is_active", "role", "roles", "email", "email_verified", "id", "public_id", "permissions"],
)
def test_b14_a_profile_takes_no_field_but_its_own(api_client, browser_for, ana, acme, field):
    before = _row(ana, acme)

    by_api = api_client.patch_json("/api/v1/profile", {field: "owner"})
    form = {"name": ana.name, "language": ana.language, "theme": ana.theme, "time_zone": ana.time_zone, field: "owner"}
    browser_for(ana).post("/me/", form)

    assert (by_api.status_code, by_api.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    assert _row(ana, acme) == before


def _row(user, tenant):
    with tenancy.tenant_scope(tenant):
        row = User.objects.filter(pk=user.pk).values().get()
        return {name: value for name, value in row.items() if name not in {"updated_at", "last_login"}}, list(
            RoleAssignment.objects.values_list("user", "role")
        )


def test_b15_a_neighbouring_right_does_not_change_an_inbox(client_for, ana, in_acme, acme):
    role = CustomRole.objects.create(
        key="a" * 32, name="Teams", permissions=["connectors.inbox.read", "organization.member.read", "organization.team.manage"]
    )
    RoleAssignment.objects.filter(user=ana).update(role=role.key)
    bump_access_version()
    inbox = factories.inbox("form")
    before = Inbox.objects.filter(pk=inbox.pk).values().get()
    client = client_for(ana)

    refused = client.post_json(f"/api/v1/inboxes/{inbox.public_id}/secrets")
    closed = [
        client.send(method, f"/api/v1/inboxes/{inbox.public_id}", {"name": "Mine"}).status_code for method in ("PATCH", "PUT", "DELETE")
    ]

    assert client.post_json("/api/v1/teams", {"name": "Depot"}).status_code == 201
    assert (refused.status_code, closed) == (403, [405] * 3)
    with tenancy.tenant_scope(acme):
        assert Inbox.objects.filter(pk=inbox.pk).values().get() == before


@pytest.mark.parametrize(
    "extra",
    [{"store": "s3"}, {"path": "/etc/passwd"}, {"url": "http://127.0.0.1/"}, {"tenant": "globex"}, {"storage_key": "x"}, {"id": "7"}],
)
def test_b16_a_file_is_described_by_the_server_alone(api_client, in_acme, acme, extra):
    thread = factories.ticket().conversation_links.get().conversation
    file = {"filename": "../../x.txt", "content_type": "text/plain", "content_base64": "eA=="}
    before = Message.objects.count()

    answer = api_client.post_json(
        f"/api/v1/conversations/{thread.public_id}/messages", {"visibility": "internal", "attachments": [{**file, **extra}]}
    )
    plain = api_client.post_json(f"/api/v1/conversations/{thread.public_id}/messages", {"visibility": "internal", "attachments": [file]})

    assert (answer.status_code, plain.status_code) == (422, 201)
    with tenancy.tenant_scope(acme):
        stored = Attachment.objects.get()
        assert Message.objects.count() == before + 1
    assert stored.storage_key.startswith(f"{acme.id}/")
    assert not {".", "passwd"} & set(stored.storage_key.replace("/", " ").split())
    assert "/" not in stored.filename


@pytest.mark.parametrize("pattern", ORIGINS)
def test_b18_no_origin_gets_leave_to_read_with_credentials(api_client, browser_for, ana, acme, globex, pattern):
    origin = pattern.format(host=acme.host, other=globex.host)
    answers = [
        api_client.get("/api/v1/profile", HTTP_ORIGIN=origin),
        browser_for(ana).get("/api/v1/profile", HTTP_ORIGIN=origin),
        browser_for(ana).get("/me/", HTTP_ORIGIN=origin),
        api_client.generic("OPTIONS", "/api/v1/profile", HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="PATCH"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 405]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert origin not in str(dict(answer.headers))


@pytest.mark.parametrize("pattern", [pattern for pattern in ORIGINS if pattern != "https://{host}"])
def test_b18_a_form_from_another_origin_changes_nothing(browser_for, ana, acme, globex, pattern):
    session = browser_for(ana).cookies[settings.SESSION_COOKIE_NAME].value
    browser = Client(enforce_csrf_checks=True, HTTP_HOST=acme.host)
    browser.cookies[settings.SESSION_COOKIE_NAME] = session
    token = browser.get("/me/").cookies["atende_csrf"].value

    answer = browser.post(
        "/me/theme/", {"theme": "dark", "csrfmiddlewaretoken": token}, HTTP_ORIGIN=pattern.format(host=acme.host, other=globex.host)
    )
    own = browser.post("/me/theme/", {"theme": "light", "csrfmiddlewaretoken": token}, HTTP_ORIGIN=f"http://{acme.host}")

    assert (answer.status_code, own.status_code) == (403, 204)
    with tenancy.tenant_scope(acme):
        assert User.objects.get(pk=ana.pk).theme == "light"


def test_b19_an_agent_is_refused_every_route_of_the_organization(fresh_database, acme, globex, counted):
    """Those that the matrix keeps from agents, called with ids and bodies that exist; what a refusal leaves is one entry, and no change."""
    canary = canaries.plant(acme)
    closed = {name for name, roles in test_role_matrix.read().items() if "agent" not in roles}
    operations = [operation for operation in test_role_matrix.asked() if operation.name in closed]
    speaker = crawl.Speaker("agent", routes.TENANT, acme.host, canary, canary.keys["agent"], canary.sessions["agent"])
    statuses = {}
    with tenancy.public_scope(), crawl.undone(depth=2):
        sender = crawl.Sender([])
        for operation in operations:
            ask = next(ask for ask in crawl._asks(operation, canary, canary) if (ask.slot, ask.kind) == ("path", "own"))
            statuses[operation.name], *_ = crawl._send(ask, speaker, sender)

    counted("routes kept from agents", routes=len(statuses))
    assert set(statuses) == closed
    assert {name: status for name, status in statuses.items() if status != 403} == {}
    assert len(statuses) > 50


@pytest.mark.parametrize("path", SETUP)
def test_b20_there_is_nothing_left_to_set_up(acme, path, db):
    with tenancy.tenant_scope(acme):
        before = User.objects.count()
    answers = {
        Client(HTTP_HOST=host, HTTP_ACCEPT="application/json").generic(method, path, b"{}", content_type="application/json").status_code
        for host in (acme.host, settings.ATENDE_BASE_HOST)
        for method in ("GET", "POST")
    }

    assert answers == {404}
    with tenancy.tenant_scope(acme):
        assert User.objects.count() == before


@pytest.mark.parametrize("means", ["demote", "deactivate", "take every role"])
def test_b25_an_open_tab_is_refused_at_the_next_click(browser_for, ada, in_acme, means):
    browser = browser_for(ada)
    assert browser.get("/settings/keys/").status_code == 200

    if means == "deactivate":
        accounts.deactivate_user(user=ada)
    else:
        rows = RoleAssignment.objects.filter(user=ada)
        _ = rows.update(role="agent") if means == "demote" else rows.delete()
        bump_access_version()
    page, script = browser.get("/settings/keys/"), browser.get("/settings/keys/", headers={"HX-Request": "true"})
    api = browser.get("/api/v1/api-keys")

    expected = (302, 401, 401) if means == "deactivate" else (403, 403, 403)
    assert (page.status_code, script.status_code, api.status_code) == expected


# --- browser -----------------------------------------------------------------------------------------------------------
def test_d13_a_link_in_a_message_hands_nothing_on(api_client, browser_for, ana, in_acme):
    ticket = factories.ticket()
    messages = f"/api/v1/conversations/{ticket.conversation_links.get().conversation.public_id}/messages"
    html = '<p><a href="https://shop.example/?a=1" rel="opener" target="_blank">shop</a></p>'

    written = api_client.post_json(messages, {"visibility": "internal", "body_html": html})
    by_api = api_client.get(messages).content.decode().replace("\\", "")
    page = browser_for(ana).get(f"/inbox/{ticket.public_id}/").content.decode()

    link = '<a href="https://shop.example/?a=1" rel="noopener noreferrer nofollow"'
    assert written.status_code == 201
    assert link in by_api
    assert link in page
    assert 'rel="opener"' not in by_api + page


@pytest.mark.parametrize("path", ["/sign-in/", "/inbox/", "/me/", "/api/v1/profile", "/nothing/", "/api/v1/nothing"])
def test_d13_no_other_window_holds_on_to_ours(browser_for, ana, path):
    answer = browser_for(ana).get(path)

    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == "same-origin"

"""Group A of the attack catalogue: tenancy and object access. Each case is a request that once worked on somebody's product."""

import asyncio
import contextlib
import re
import threading
import uuid

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import DatabaseError, connections
from django.test import Client
from guardian.shortcuts import assign_perm, get_objects_for_user
from infra.testing import databases
from infra.testing.plugin import FACTS
from kernel import redis as redis_client
from kernel import tenancy
from kernel.db.owner import runtime_login
from kernel.db.routing import connection_in_scope, transaction_in_scope
from kernel.threads import in_tenant
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import Invitation, User
from shared_apps.accounts.services.invitations import token_of
from shared_apps.events.models import Event
from shared_apps.tenants import pinned
from shared_apps.tenants.models import Tenant
from tenant_apps.access.models import RoleAssignment
from tenant_apps.contacts.models import Contact
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent
from tenant_apps.messaging.models import Attachment, Message
from tenant_apps.organization.models import Team
from tenant_apps.realtime import tickets as socket_tickets
from tenant_apps.realtime.tests.test_socket import Listener, inside, play
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.tests import factories

from tests.isolation import crawl, routes

HOSTS = ["{own},{other}", "{other}@{own}", "{own}/{other}", "{own}:80:{other}", "x.{own}", "{own}#", "{own} {other}"]
SLUGS = ["public", "pg_x", "information_schema", "__class__", "..", "WWW", "www", "xn--acme-5qa", "a" * 64, "acme", "аcme", "t_0"]
ODD_IDS = ["1", "1.0", "0x1", "١", " 1", "-1", "{upper}", "{braces}", "{plain}", "{own}%00", "{own}'--", "{own},{theirs}"]
PUBLIC_OPERATIONS = {
    *(f"POST {host}:/hooks/v1/{{route_key}}" for host in ("tenant", "base")),  # signed, not signed in
    "POST tenant:/api/v1/password-resets",
    *(f"POST tenant:/api/v1/{path}" for path in ("sign-in", "sign-in/code", "sign-in/passkey", "sign-in/passkey-options")),
    *(
        f"PUT tenant:/api/v1/{path}"
        for path in ("password-resets/{reset_token}", "email-changes/{email_token}", "email-undos/{undo_token}")
    ),
}


@pytest.fixture
def ticket(in_acme):
    """A ticket of acme."""
    return factories.ticket()


@pytest.fixture
def theirs(globex, rui, db):
    """A ticket of globex with a file, and the digest that must stay as it is."""
    with tenancy.tenant_scope(globex):
        found = factories.ticket(email="victim@mail.example")
        link = found.conversation_links.get()
        file = FileContent(filename="offer.txt", content_type="text/plain", content=b"an offer")
        messaging.send_reply(conversation=link.conversation, author=rui, body_text="See the offer", attachments=[file])
    return found


@pytest.fixture
def untouched(globex, theirs):
    """Asserts at the end that no row of globex has changed."""
    before = crawl.digest(globex)
    yield
    assert crawl.digest(globex) == before


def events_of(tenant):
    with tenancy.tenant_scope(tenant):
        return Event.objects.count()


@pytest.mark.parametrize("field", ["tenant", "tenant_id", "account_id", "schema_name", "schema", "host"])
def test_a01_a_body_cannot_name_a_tenant(api_client, ticket, globex, acme, untouched, field):
    events = events_of(acme)

    answer = api_client.patch_json(f"/api/v1/tickets/{ticket.public_id}", {"priority": "high", field: str(globex.id)})

    assert answer.status_code == 422
    assert str(globex.id) not in answer.content.decode()
    assert events_of(acme) == events
    with tenancy.tenant_scope(acme):
        assert Ticket.objects.get(pk=ticket.pk).priority == "normal"


def test_a02_a_file_of_another_tenant_is_not_there(browser_for, api_client, ana, globex, theirs, untouched):
    with tenancy.tenant_scope(globex):
        file = Attachment.objects.get()
        link = messaging.sign_attachment(file.public_id)
    browser = browser_for(ana)

    assert browser.get(f"/inbox/files/{file.public_id}/").status_code == 404
    assert browser.get(link).status_code == 404
    assert browser.get(f"/inbox/files/{uuid.UUID(int=7)}/").status_code == 404


@pytest.mark.parametrize("cited", ["theirs", "ours", "random"])
def test_a03_a_message_cannot_cite_a_file_that_lies_there_already(api_client, acme, ana, ticket, globex, theirs, untouched, cited):
    conversation = ticket.conversation_links.get().conversation
    file = FileContent(filename="ours.txt", content_type="text/plain", content=b"ours")
    ours = messaging.send_reply(conversation=conversation, author=ana, body_text="Ours", attachments=[file]).attachments.get()
    with tenancy.tenant_scope(globex):
        ids = {"theirs": Attachment.objects.get().public_id, "ours": ours.public_id, "random": uuid.UUID(int=7)}
    before = Message.objects.count(), Attachment.objects.count()

    answer = api_client.post_json(
        f"/api/v1/conversations/{conversation.public_id}/messages",
        {"visibility": "internal", "body_text": "Look", "attachments": [{"id": str(ids[cited])}]},
    )

    assert answer.status_code == 422
    with tenancy.tenant_scope(acme):
        assert (Message.objects.count(), Attachment.objects.count()) == before


def test_a07_a_ticket_cannot_be_created_for_a_contact_of_another_tenant(api_client, acme, globex, theirs, untouched, in_acme):
    before = Ticket.objects.count(), Contact.objects.count()

    body = {"subject": "By phone", "requester_id": str(theirs.requester.public_id), "requester_name": "A new alias"}
    answer = api_client.post_json("/api/v1/tickets", body)

    assert answer.status_code == 422
    with tenancy.tenant_scope(acme):
        assert (Ticket.objects.count(), Contact.objects.count()) == before


def test_a12_a_new_ticket_cannot_link_to_one_that_is_not_visible(api_client, acme, theirs, untouched, in_acme):
    before = Ticket.objects.count()

    body = {"subject": "Linked", "requester_email": "bia@mail.example", "links": [str(theirs.public_id)]}
    answers = [
        api_client.post_json("/api/v1/tickets", body),
        api_client.post_json("/api/v1/tickets", {**body, "follow_up_of": str(theirs.public_id)}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    with tenancy.tenant_scope(acme):
        assert Ticket.objects.count() == before


def test_a13_an_invitation_works_on_its_own_host_and_gives_the_role_it_was_made_with(acme, globex, in_acme):
    invitation = accounts.invite(email="new@acme.example", role="agent")
    form = {"name": "New Person", "password": "a-long-enough-phrase", "role": "owner", "email": "owner@acme.example"}

    elsewhere = Client(HTTP_HOST=globex.host).post(f"/invitations/{token_of(invitation)}/", form)
    last = "b" if token_of(invitation).endswith("a") else "a"
    forged = Client(HTTP_HOST=acme.host).post(f"/invitations/{token_of(invitation)[:-1]}{last}/", form)
    taken = Client(HTTP_HOST=acme.host).post(f"/invitations/{token_of(invitation)}/", form)

    assert (elsewhere.status_code, forged.status_code, taken.status_code) == (404, 404, 302)
    with tenancy.tenant_scope(globex):
        assert not User.objects.filter(name="New Person").exists()
        assert not Invitation.objects.filter(email="new@acme.example").exists()
    with tenancy.tenant_scope(acme):
        assert User.objects.get(name="New Person").email == "new@acme.example"
        assert list(RoleAssignment.objects.filter(user__name="New Person").values_list("role", flat=True)) == ["agent"]


def test_a14_a_cache_warmed_by_one_tenant_does_not_answer_another(client_for, ana, rui, acme, globex, ticket, theirs):
    ours, others = client_for(ana), client_for(rui)
    for path in ("/api/v1/tickets", "/api/v1/contacts", "/api/v1/inboxes"):
        first = [row["id"] for row in ours.get(path).json()["results"]]
        second = [row["id"] for row in others.get(path).json()["results"]]
        assert first
        assert second
        assert not set(first) & set(second)
    for tenant in (acme, globex):
        with tenancy.tenant_scope(tenant):
            cache.set("/api/v1/tickets", tenant.slug)

    with tenancy.tenant_scope(acme):
        assert cache.get("/api/v1/tickets") == "acme"
    keys = {key.decode().split(":")[1] for key in redis_client.client().scan_iter("cache:*")}
    assert keys == {str(acme.id), str(globex.id)}


def test_a15_permission_lists_are_each_tenants_own(acme, globex, ana, rui, db):
    """guardian and Django keep ids of content types for the whole process; pinned ids make that harmless."""
    found = {}
    for tenant, user, names in ((acme, ana, ["one", "two"]), (globex, rui, ["three"])):
        with tenancy.tenant_scope(tenant):
            for name in names:
                assign_perm("organization.view_team", user, Team.objects.create(key=name, name=name))
            Team.objects.create(key="hidden", name="hidden")
    for tenant, user in ((acme, ana), (globex, rui), (acme, ana), (globex, rui)):
        with tenancy.tenant_scope(tenant):
            visible = get_objects_for_user(user, "organization.view_team", use_groups=False)
            found.setdefault(tenant.slug, []).append(sorted(visible.values_list("key", flat=True)))

    assert found == {"acme": [["one", "two"]] * 2, "globex": [["three"]] * 2}


def test_a15_a_tenant_whose_ids_have_shifted_is_not_served(acme, db):
    with tenancy.tenant_scope(acme):
        pinned.check_pins()
        ContentType.objects.filter(app_label="organization", model="team").update(model="crew")
        with pytest.raises(pinned.IdsNotPinned):
            pinned.check_pins()


def test_a16_a_switch_after_any_kind_of_failure_is_right_or_refused(fresh_database, acme, globex):
    def cancel_me():
        with psycopg.connect(databases.superuser_url(FACTS, acme.cluster, fresh_database), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s",
                [runtime_login()],
            )

    def run(statement, *, nested):
        with (
            transaction_in_scope(),
            connection_in_scope().cursor() as cursor,
            transaction_in_scope() if nested else contextlib.nullcontext(),
        ):
            cursor.execute(statement)

    def fail(statement, *, nested):
        with pytest.raises(DatabaseError):
            run(statement, nested=nested)

    failures = [
        lambda: fail("SELECT 1 / 0", nested=False),
        lambda: fail("SELECT 1 / 0", nested=True),
        lambda: fail("SET LOCAL statement_timeout = 'nonsense'", nested=True),
        lambda: fail("SELECT * FROM nothing_like_this", nested=True),
        cancel_me,
    ]
    seen = []
    for failure in failures:
        for tenant, other in ((acme, globex), (globex, acme)):
            with tenancy.tenant_scope(tenant):
                Team.objects.count()
                failure()
            with tenancy.tenant_scope(other):
                seen.append((other.slug, _emails()))

    allowed = {("acme", "acme.example"), ("globex", "globex.example"), ("acme", "refused"), ("globex", "refused")}
    assert set(seen) <= allowed
    assert {(slug, answer) for slug, answer in seen if answer != "refused"} == {("acme", "acme.example"), ("globex", "globex.example")}


def _emails():
    try:
        return {email.split("@")[1] for email in User.objects.values_list("email", flat=True)}.pop()
    except DatabaseError:
        connections.close_all()
        return "refused"


def test_a17_sockets_of_two_tenants_on_one_loop_read_their_own_rows(fresh_database, acme, globex):
    async def scenario():
        tenants = [acme, globex] * 30
        answers = await asyncio.gather(*(in_tenant(tenant, _emails) for tenant in tenants))
        assert answers == [f"{tenant.slug}.example" for tenant in tenants]

    asyncio.run(scenario())


def test_a18_nothing_that_proves_who_one_is_works_on_another_host(client_for, browser_for, ana, acme, globex, theirs, untouched):
    key = client_for(ana).defaults["HTTP_AUTHORIZATION"]
    browser = browser_for(ana)
    token = browser.get("/inbox/").cookies.get("atende_csrf")
    before = browser.cookies["atende_session"].value

    by_key = Client(HTTP_HOST=globex.host, HTTP_AUTHORIZATION=key).get("/api/v1/profile")
    by_session = browser.get("/api/v1/profile", HTTP_HOST=globex.host)
    page = browser.get("/inbox/", HTTP_HOST=globex.host)
    form = Client(enforce_csrf_checks=True, HTTP_HOST=globex.host)
    form.cookies["atende_session"] = before
    if token is not None:
        form.cookies["atende_csrf"] = token.value
    posted = form.post("/me/theme/", {"theme": "dark", "csrfmiddlewaretoken": token.value if token else ""})

    assert (by_key.status_code, by_session.status_code) == (401, 401)
    assert (page.status_code, page["Location"]) == (302, "/sign-in/?next=%2Finbox%2F")
    assert posted.status_code in {302, 403}
    browser.cookies["atende_session"] = before
    assert browser.get("/inbox/").status_code == 200


def test_a18_a_socket_takes_nothing_of_another_tenant(fresh_database, acme, globex):
    async def scenario():
        ticket = await inside(acme, lambda: socket_tickets.issue(user_id=User.objects.get(email="ana@acme.example").pk, key_id=None))
        _, key = await inside(acme, lambda: accounts.create_api_key(user=User.objects.get(email="ana@acme.example"), name="x"))
        for query, headers in ((f"?ticket={ticket}", {}), ("", {"authorization": f"Bearer {key}"})):
            listener = Listener(globex.host, query, **headers)
            await listener.connect()
            assert (await listener.closed())[0] == 4001

    play(scenario)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_TENANT_ID": "{other.id}"},
        {"HTTP_X_TENANT": "{other.slug}"},
        {"HTTP_X_FORWARDED_HOST": "{other.host}"},
        {"HTTP_X_ORIGINAL_HOST": "{other.host}"},
        {"HTTP_X_HOST": "{other.host}"},
        {"HTTP_FORWARDED": "host={other.host}"},
        {"HTTP_X_ORIGINAL_URL": "http://{other.host}/"},
        {"HTTP_X_REWRITE_URL": "http://{other.host}/"},
        {"SERVER_NAME": "{other.host}"},
    ],
)
def test_a19_only_the_host_header_says_which_tenant(client_for, ana, globex, theirs, headers):
    sent = {name: value.format(other=globex) for name, value in headers.items()}

    answer = client_for(ana).get("/api/v1/profile", **sent)

    assert (answer.status_code, answer.json()["email"]) == (200, "ana@acme.example")


@pytest.mark.parametrize("host", HOSTS)
def test_a19_a_host_header_that_is_not_one_plain_host_is_nobodys(acme, globex, ana, client_for, host):
    answer = client_for(ana).get("/api/v1/profile", HTTP_HOST=host.format(own=acme.host, other=globex.host))

    assert answer.status_code == 404


def test_a20_answers_of_many_requests_at_once_are_not_mixed_up(fresh_database, acme, globex):
    """In threads of one process, as the web server runs them."""
    keys, wrong, done = {}, [], []
    for tenant, email in ((acme, "ana@acme.example"), (globex, "rui@globex.example")):
        with tenancy.tenant_scope(tenant):
            keys[tenant.host] = (email, accounts.create_api_key(user=User.objects.get(email=email), name="x")[1])

    def ask(host):
        email, key = keys[host]
        client = Client(HTTP_HOST=host, HTTP_AUTHORIZATION=f"Bearer {key}")
        for _ in range(10):
            done.append(host)
            answer = client.get("/api/v1/profile").json()
            if answer.get("email") != email:
                wrong.append(answer)
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(host,)) for host in [acme.host, globex.host] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(done) == 80


def test_a22_a_file_without_a_signature_is_not_there(acme, in_acme, ana, ticket):
    conversation = ticket.conversation_links.get().conversation
    file = FileContent(filename="a.txt", content_type="text/plain", content=b"content")
    public_id = messaging.send_reply(conversation=conversation, author=ana, body_text="x", attachments=[file]).attachments.get().public_id
    good = messaging.sign_attachment(public_id)
    _, _, _, expires, mac, _ = good.split("/")
    client = Client(HTTP_HOST=acme.host)

    assert client.get(good).status_code == 200
    for path in (
        f"/files/{public_id}/{expires}/{mac[:-1]}{'b' if mac.endswith('a') else 'a'}/",
        f"/files/{public_id}/{int(expires) + 60}/{mac}/",
        f"/files/{public_id}/1/{mac}/",
        f"/files/{uuid.UUID(int=7)}/{expires}/{mac}/",
        f"/files/{public_id}/{expires}/x/",
        f"/media/{acme.id}/1/file",
    ):
        assert client.get(path).status_code == 404, path


def test_a23_every_operation_asks_who_it_is(acme, globex, db):
    operations = [operation for operation in routes.documented() if operation.name not in PUBLIC_OPERATIONS]
    answers = {}
    for operation in operations:
        client = Client(HTTP_HOST=acme.host if operation.host == routes.TENANT else "localhost", HTTP_ACCEPT="application/json")
        path = re.sub(r"{\w+}", str(uuid.UUID(int=7)), operation.path)
        answers[operation.name] = client.generic(operation.method.upper(), path, b"{}", content_type="application/json").status_code

    assert {name: status for name, status in answers.items() if status != 401} == {}
    assert len(answers) > 30


@pytest.mark.parametrize("slug", SLUGS)
def test_a25_a_slug_cannot_be_a_name_of_the_system_or_of_another(client_for, operator, db, slug):
    with tenancy.public_scope():
        _, key = accounts.create_api_key(user=operator, name="x")
        before = Tenant.objects.count()
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")

    body = {"name": "Evil", "slug": slug, "owner_email": "evil@mail.example"}
    answer = client.post("/api/platform/v1/tenants", body, content_type="application/json")

    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["/slug"])
    with tenancy.public_scope():
        assert Tenant.objects.count() == before
        assert all(re.fullmatch(r"t_[0-9a-f]{12}", name) for name in Tenant.objects.values_list("schema_name", flat=True))


@pytest.mark.parametrize("odd", ODD_IDS)
def test_a26_an_id_in_another_form_is_not_there(api_client, ticket, theirs, untouched, odd):
    own, foreign = str(ticket.public_id), str(theirs.public_id)
    text = odd.format(upper=foreign.upper(), braces="{" + foreign + "}", plain=foreign.replace("-", ""), own=own, theirs=foreign)

    answer = api_client.get(f"/api/v1/tickets/{text}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    "query",
    ["", "requester={theirs}", "assignee={theirs}", "requester={own}&requester={theirs}", "requester[]={theirs}", "tenant={tenant}",
     "requester=", "requester=*", "search=%25", "search=_", "limit=100000", "status=open&status=new", "schema={tenant}"],
)  # fmt: skip
def test_a27_no_filter_however_odd_shows_more_than_ones_own(api_client, acme, globex, ticket, theirs, query):
    text = query.format(theirs=theirs.requester.public_id, own=ticket.requester.public_id, tenant=globex.id)

    answer = api_client.get(f"/api/v1/tickets?{text}")

    assert answer.status_code in {200, 422}
    shown = {row["id"] for row in answer.json().get("results", [])}
    assert shown <= {str(ticket.public_id)}
    if "&" in query or "[]" in query or query.startswith(("tenant", "schema")):
        assert answer.status_code == 422


def test_a28_a_role_that_can_run_sql_hears_and_blocks_nothing(fresh_database, acme, globex):
    with psycopg.connect(databases.runtime_url(FACTS, acme.cluster, fresh_database), autocommit=True) as spy:
        spy.execute(f"SET ROLE {acme.role}")
        for channel in ("atende", "hints", "events", globex.schema, f'"{globex.id}"'):
            spy.execute(f"LISTEN {channel}")
        with spy.transaction():
            spy.execute("SELECT pg_advisory_xact_lock(1)")
            with tenancy.tenant_scope(globex):
                created = factories.ticket()

        heard = list(spy.notifies(timeout=0.2))
        queries = spy.execute(
            "SELECT DISTINCT query FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = %s", [runtime_login()]
        )

        assert heard == []
        assert {row[0] for row in queries.fetchall()} <= {"<insufficient privilege>"}
    with tenancy.tenant_scope(globex):
        assert Ticket.objects.filter(pk=created.pk).exists()

"""Every connector keeps the contract; inboxes are created with their routes; the inbox API."""

import dataclasses
import pkgutil
import uuid

import pytest
from django.core.management import CommandError, call_command
from kernel import tenancy
from kernel.problems import ValidationProblem
from shared_apps.audit.models import AuditEntry
from shared_apps.events.models import Event
from shared_apps.tenants import selectors as tenants

from tenant_apps.connectors import adapters, selectors, services
from tenant_apps.connectors.errors import AddressTaken, ConnectorUnavailable, NoHook
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import CONNECTORS, InboxRef, PayloadRefused

REF = InboxRef(id=uuid.UUID(int=1), tenant_id=uuid.UUID(int=2), name="x", address="x@y.example", config={}, keys=(b"k" * 32,))


@pytest.mark.parametrize("slug", CONNECTORS.all())
def test_connector_keeps_the_contract(slug):
    connector = CONNECTORS.get(slug)()

    assert connector.slug == slug
    assert connector.label
    assert connector.check_settings({}) == {}
    assert connector.check_settings({"no_such_setting": 1}) != {}
    assert connector.external_id_for(inbox=REF, message_id=REF.id) == connector.external_id_for(inbox=REF, message_id=REF.id)
    for raw in (b"", b"\x00\xff", b"{}"):
        with pytest.raises(PayloadRefused) as refusal:
            connector.read(raw, inbox=REF, headers={}, envelope={})
        assert refusal.value.code


def test_every_adapter_file_is_one_connector():
    assert {info.name for info in pkgutil.iter_modules(adapters.__path__)} == set(CONNECTORS.all())


def test_mail_inbox_is_created_with_its_route(in_acme):
    made = services.create_inbox(connector="email", name="Sales", address="Sales@Acme.localhost", config={"sender_name": "Acme"})

    assert (made.inbox.address, made.secret) == ("sales@acme.localhost", "")
    route = tenants.channel_route("email", "sales@acme.localhost")
    assert (route.tenant.id, route.inbox_id) == (in_acme.id, made.inbox.public_id)


def test_api_inbox_gets_a_key_and_a_secret_that_can_be_replaced(in_acme):
    made = services.create_inbox(connector="api", name="Shop")
    assert len(made.inbox.address) >= 24
    assert tenants.channel_route("api", made.inbox.address).secret == made.secret

    newer = services.replace_secret(inbox=made.inbox, keep_current=True)

    assert tenants.channel_route("api", made.inbox.address).secret == f"{newer} {made.secret}"
    assert services.replace_secret(inbox=made.inbox) == tenants.channel_route("api", made.inbox.address).secret


def test_a_mail_inbox_has_no_hook(in_acme):
    inbox = Inbox.objects.get(connector="email")
    seq = Event.objects.count()

    with pytest.raises(NoHook):
        services.replace_secret(inbox=inbox)

    assert Event.objects.count() == seq


def test_a_hook_secret_from_the_api_signs_and_is_for_admins(client_for, ada, ana, in_acme):
    inbox = services.create_inbox(connector="api", name="Shop").inbox
    path = f"/api/v1/inboxes/{inbox.public_id}/secrets"

    refused = client_for(ana).post_json(path, {})
    made = client_for(ada).post_json(path, {"keep_current": True}).json()

    assert refused.status_code == 403
    assert made["hook_url"] == f"http://acme.localhost:8000/hooks/v1/{inbox.address}"
    assert made["secret"] in tenants.channel_route("api", inbox.address).secret.split()
    assert AuditEntry.objects.filter(action="inbox.replace_secret", object_id=inbox.public_id).count() == 1


def test_the_command_prints_the_secret_alone_on_its_last_line(in_acme, capsys):
    inbox = services.create_inbox(connector="api", name="Shop").inbox

    call_command("create_hook_secret", "--tenant", "acme")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Shop: http://acme.localhost:8000/hooks/v1/{inbox.address}"
    assert lines[-1] == tenants.channel_route("api", inbox.address).secret


@pytest.mark.parametrize("arguments", [("--tenant", "nobody"), ("--tenant", "acme"), ("--tenant", "acme", "--inbox", "x")])
def test_the_command_says_what_it_cannot_find(in_acme, arguments):
    with pytest.raises(CommandError):
        call_command("create_hook_secret", *arguments)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"connector": "email", "name": "", "address": "a@b.example"}, "/name"),
        ({"connector": "email", "name": "x", "address": "nonsense"}, "/address"),
        ({"connector": "email", "name": "x", "address": "a+b@c.example"}, "/address"),
        ({"connector": "email", "name": "x", "address": "a@b.example", "config": {"surprise": 1}}, "/config/surprise"),
        ({"connector": "api", "name": "x", "config": {"url": "http://x"}}, "/config/url"),
    ],
)
def test_wrong_fields_create_nothing(fields, pointer, in_acme):
    before = Inbox.objects.count()

    with pytest.raises(ValidationProblem) as problem:
        services.create_inbox(**fields)

    assert [error.pointer for error in problem.value.errors] == [pointer]
    assert Inbox.objects.count() == before


def test_taken_addresses_and_unknown_connectors_are_refused(in_acme):
    before = Inbox.objects.count()

    for address in ("support@acme.localhost", "support@globex.localhost"):
        with pytest.raises(AddressTaken):
            services.create_inbox(connector="email", name="x", address=address)
    with pytest.raises(ConnectorUnavailable):
        services.create_inbox(connector="telegraph", name="x")

    assert Inbox.objects.count() == before
    assert tenants.channel_route("email", "support@globex.localhost").tenant.slug == "globex"


def test_keys_differ_between_tenants(in_acme, globex):
    ours = selectors.mail_keys()
    with tenancy.tenant_scope(globex):
        assert selectors.mail_keys() != ours


# --- API ---
@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("agent", 200)])
@pytest.mark.parametrize("path", ["inboxes", "connectors"])
def test_who_may_read(who, status, path, client_for, ana):
    client = client_for(None) if who == "nobody" else client_for(ana)

    assert client.get(f"/api/v1/{path}").status_code == status


def test_inbox_list_and_detail(api_client, client_for, rui, acme):
    with tenancy.tenant_scope(acme):
        Inbox.objects.create(connector="api", name="Shop", address="secret-route-key")

    [shop, mail] = api_client.get("/api/v1/inboxes").json()["results"]

    assert (shop["connector"], shop["address"]) == ("api", None)
    assert (mail["connector"], mail["address"]) == ("email", "support@acme.localhost")
    assert mail["health"] == {"last_event_at": None, "last_error": ""}
    assert api_client.get(f"/api/v1/inboxes/{mail['id']}").json() == mail
    assert [row["id"] for row in api_client.get("/api/v1/inboxes?connector=api").json()["results"]] == [shop["id"]]
    assert client_for(rui).get(f"/api/v1/inboxes/{mail['id']}").status_code == 404


def test_connectors_describe_themselves(api_client):
    results = api_client.get("/api/v1/connectors").json()["results"]

    assert [row["slug"] for row in results] == ["api", "email"]
    assert set(results[1]["capabilities"]) == {field.name for field in dataclasses.fields(CONNECTORS.get("email").capabilities)}
    assert results[1]["settings"][0]["name"] == "sender_name"

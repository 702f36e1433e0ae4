"""Group A of the attack catalogue, object rights: what one's role does not reach is not there, whichever way one asks."""

import json
import uuid

import pytest
from kernel import tenancy
from shared_apps.accounts import services as accounts
from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.contacts.models import Contact, Identity
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.models import Message
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.tests import factories

HIDDEN = "hidden@mail.example"
AGENT = ["tickets.ticket.read", "tickets.ticket.write", "messaging.message.read", "messaging.message.send", "messaging.note.write"]
SHARED = ["contacts.contact.read", "connectors.inbox.read", "organization.member.read", "events.event.read", "tickets.ticket.export"]


@pytest.fixture
def person(in_acme):
    """Somebody without a role yet."""
    return accounts.create_user(email="tim@acme.example", name="Tim", password="atende-demo")


@pytest.fixture
def own_only(person):
    """An agent whose role reaches no further than what is assigned to them."""
    role = CustomRole.objects.create(key="e" * 32, name="Own", permissions=sorted(AGENT + SHARED), visibility="own")
    RoleAssignment.objects.create(user=person, role=role.key)
    bump_access_version()
    return person


@pytest.fixture
def hidden(own_only, ana):
    """A ticket of a colleague's, with a tag and words of its own and a reply that failed."""
    ticket = factories.placed_ticket(assignee=ana, email=HIDDEN, subject="Unseen kaleidoscope")
    ticket.tags.create(name="secret-tag")
    link = ticket.conversation_links.get()
    reply = messaging.send_reply(conversation=link.conversation, author=ana, body_text="Unseen kaleidoscope")
    Message.objects.filter(pk=reply.pk).update(delivery_state="failed")
    return ticket


@pytest.fixture
def own(own_only):
    """The only ticket that they see."""
    return factories.placed_ticket(assignee=own_only, email="mine@mail.example", subject="Mine")


def listed(client, query=""):
    return [row["number"] for row in client.get(f"/api/v1/tickets?{query}").json()["results"]]


def test_a06_an_agent_of_one_inbox_does_not_find_a_contact_of_another(client_for, browser_for, person, in_acme):
    ours, other = factories.inbox("ours"), factories.inbox("other")
    seen = factories.ticket(inbox=ours, email="seen@mail.example")
    unseen = factories.ticket(inbox=other, email=HIDDEN)
    RoleAssignment.objects.create(user=person, role="agent", scope_kind="inbox", scope_id=ours.pk)
    bump_access_version()
    client = client_for(person)

    by_id, by_random = (client.get(f"/api/v1/contacts/{key}") for key in (unseen.requester.public_id, uuid.UUID(int=7)))
    searched = client.get("/api/v1/contacts", {"search": HIDDEN}).json()["results"]
    everybody = client.get("/api/v1/contacts").json()["results"]

    assert (by_id.status_code, by_random.status_code, searched) == (404, 404, [])
    assert [row["id"] for row in everybody] == [str(seen.requester.public_id)]
    assert listed(client, f"requester={unseen.requester.public_id}") == listed(client, f"search={HIDDEN}") == []


@pytest.mark.parametrize(
    "query",
    ["search=kaleidoscope", f"search={HIDDEN}", "search=%23{number}", "tag=secret-tag", "requester={requester}", "assignee={assignee}",
     "status=new,open", "sort=created_at", "sort=-created_at", "created_before=2100-01-01T00:00:00Z", "limit=1", ""],
)  # fmt: skip
def test_a08_no_filter_shows_what_is_not_assigned_to_one(client_for, own_only, hidden, own, query):
    asked = query.format(number=hidden.number, requester=hidden.requester.public_id, assignee=hidden.assignee.public_id)
    client = client_for(own_only)

    exported = [
        json.loads(line)["number"]
        for line in b"".join(client.get(f"/api/v1/tickets/export?format=jsonl&{_filters(asked)}").streaming_content).splitlines()
    ]

    assert hidden.number not in listed(client, asked)
    assert hidden.number not in exported
    assert listed(client) == [own.number]


def _filters(query):
    return "" if query.startswith(("sort", "limit")) else query


def test_a08_counts_and_pages_leave_it_out(browser_for, own_only, hidden, own):
    browser = browser_for(own_only)
    pages = [browser.get(path).content.decode() for path in ("/inbox/v/open/", "/inbox/v/my/", f"/inbox/{own.public_id}/")]

    assert all("kaleidoscope" not in text for text in pages)
    assert '<span class="muted">1 open</span>' in pages[0]
    assert browser.get(f"/inbox/{hidden.public_id}/").status_code == 404
    assert "kaleidoscope" not in browser.get("/inbox/since/0/").content.decode()


def test_a09_a_message_of_a_hidden_ticket_cannot_be_touched(client_for, browser_for, own_only, hidden, acme):
    reply = Message.objects.get(delivery_state="failed")
    client, browser = client_for(own_only), browser_for(own_only)

    answers = [
        client.post_json(f"/api/v1/messages/{reply.public_id}/deliveries"),
        client.post_json(f"/api/v1/messages/{uuid.UUID(int=7)}/deliveries"),
        browser.post(f"/inbox/{hidden.public_id}/messages/{reply.public_id}/retry/"),
        browser.get(f"/inbox/files/{uuid.UUID(int=7)}/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    with tenancy.tenant_scope(acme):
        assert Message.objects.get(pk=reply.pk).delivery_state == "failed"


def test_a10_nothing_can_be_written_into_a_hidden_ticket(client_for, browser_for, own_only, hidden, acme):
    thread = hidden.conversation_links.get().conversation
    client, browser, before = client_for(own_only), browser_for(own_only), Message.objects.count()
    note = {"visibility": "internal", "body_text": "A draft"}

    answers = [
        client.post_json(f"/api/v1/conversations/{thread.public_id}/messages", note),
        client.patch_json(f"/api/v1/tickets/{hidden.public_id}", {"subject": "Taken"}),
        client.put_json(f"/api/v1/tickets/{hidden.public_id}/solution"),
        browser.post(f"/inbox/{hidden.public_id}/messages/", {"kind": "note", "body_text": "A draft"}),
        browser.post(f"/inbox/{hidden.public_id}/fields/", {"priority": "high"}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    with tenancy.tenant_scope(acme):
        assert Message.objects.count() == before
        assert Ticket.objects.get(pk=hidden.pk).subject == "Unseen kaleidoscope"


def test_a07_a_hidden_contact_does_not_become_a_requester(client_for, own_only, hidden, acme):
    before = Ticket.objects.count(), Contact.objects.count(), Identity.objects.count()
    body = {"subject": "By phone", "assignee_id": str(own_only.public_id), "requester_name": "A new alias"}

    answers = [
        client_for(own_only).post_json("/api/v1/tickets", {**body, "requester_id": str(key)})
        for key in (hidden.requester.public_id, uuid.UUID(int=7))
    ]

    assert [(answer.status_code, answer.json()["errors"][0]["pointer"]) for answer in answers] == [(422, "/requester_id")] * 2
    with tenancy.tenant_scope(acme):
        assert (Ticket.objects.count(), Contact.objects.count(), Identity.objects.count()) == before

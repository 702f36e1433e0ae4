"""A clone has everything of the original, and nothing ever leaves it."""

import datetime

import pytest
import time_machine
from celery import current_app
from config import tasks as scheduled
from django.core.management import CommandError, call_command
from kernel import mail, tenancy
from kernel.clock import now
from tenant_apps.connectors.tests.smtp import Relay, running
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging import tasks as messaging_tasks
from tenant_apps.messaging.models import Conversation, Delivery, Message

from shared_apps.accounts import services as accounts
from shared_apps.accounts import tasks as account_tasks
from shared_apps.accounts.models import Invitation, User
from shared_apps.tenants.models import Tenant, TenantOperation
from shared_apps.tenants.tests.lives import furnish, reference_of, row_digests, schemas_and_roles


@pytest.fixture
def original(fresh_database, acme):
    furnish(acme)
    return acme


@pytest.fixture
def outside(settings, monkeypatch):
    """Everything that reaches the outgoing mail server; and tasks run where they are sent."""
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)
    monkeypatch.setattr("config.tasks.close_old_connections", lambda: None)
    relay = Relay()
    with running(relay) as port:
        settings.ATENDE_SMTP_OUT_URL = f"smtp://127.0.0.1:{port}"
        yield relay


def work_everything_off(tenant):
    """What the workers would do for the tenant now: each waiting delivery and invitation by its own task."""
    with tenancy.tenant_scope(tenant):
        messages = list(Delivery.objects.values_list("message_id", flat=True))
        invitations = list(Invitation.objects.values_list("pk", flat=True))
    for message_id in messages:
        current_app.tasks[messaging_tasks.deliver_message.name](tenant_id=str(tenant.id), message_id=message_id)
    for invitation_id in invitations:
        current_app.tasks[account_tasks.send_invitation.name](tenant_id=str(tenant.id), invitation_id=invitation_id)


def write_something_new(tenant):
    """An answer and an invitation after the copy was made, and a copied delivery that a person sends again."""
    with tenancy.tenant_scope(tenant):
        user = User.objects.order_by("id").first()
        conversation = Conversation.objects.order_by("id").first()
        messaging.send_reply(conversation=conversation, author=user, body_text="From the clone")
        accounts.invite(email="clone@mail.example", role="agent")
        held = Message.objects.filter(delivery__state="failed").first()
        if held is not None:
            messaging.retry_delivery(message=held)


def clone(slug="twin", *more):
    call_command("clone_tenant", "acme", "--slug", slug, *more)
    return reference_of(slug)


def test_nothing_leaves_a_clone(original, outside):
    twin = clone()
    write_something_new(twin)

    for minutes in (0, 10, 600):
        with time_machine.travel(now() + datetime.timedelta(minutes=minutes)):
            tenancy.forget_directory()
            work_everything_off(tenancy.resolve_tenant(twin.id))
            with tenancy.tenant_scope(tenancy.resolve_tenant(twin.id)):
                messaging.sweep()
                accounts.sweep()

    assert outside.mails == []
    with tenancy.tenant_scope(twin):
        assert set(Delivery.objects.values_list("state", "attempts")) == {("queued", 0)}
        assert not Invitation.objects.filter(email="clone@mail.example", sent_at__isnull=False).exists()


def test_the_same_work_in_the_original_does_leave(original, outside):
    """The bite: the catcher catches, and the tasks above do send."""
    work_everything_off(original)

    assert len(outside.mails) >= 2


def test_without_the_flag_a_clone_would_send(original, outside):
    """The bite: it is the flag that holds things back."""
    twin = clone()
    write_something_new(twin)
    with tenancy.public_scope():
        Tenant.objects.filter(slug="twin").update(is_outward_paused=False)
    tenancy.forget_directory()

    work_everything_off(tenancy.resolve_tenant(twin.id))

    assert any(b"From the clone" in raw for _, _, raw in outside.mails)


def test_no_mail_session_begins_inside_a_clone(original, outside):
    twin = clone()

    with tenancy.tenant_scope(twin), pytest.raises(PermissionError):
        mail.send_notice(to="x@mail.example", subject="s", text="t")

    assert outside.mails == []


def test_the_sweeper_sends_no_task_for_a_clone(original, monkeypatch):
    twin = clone()
    write_something_new(twin)
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda name, kwargs, **_: sent.append((name.rsplit(".", 1)[1], kwargs["tenant_id"])))
    tenancy.forget_directory()
    with time_machine.travel(now() + datetime.timedelta(hours=1)):
        scheduled.sweep()

    outward = {(name, tenant) for name, tenant in sent if name in {"deliver_message", "send_invitation"}}
    assert {tenant for _, tenant in outward} == {str(original.id), *others(original, twin)} - {str(twin.id)}


def others(*known):
    with tenancy.public_scope():
        return {
            str(one) for one in Tenant.objects.exclude(public_id__in=[tenant.id for tenant in known]).values_list("public_id", flat=True)
        }


def test_a_clone_has_the_rows_of_the_original_and_leaves_it_alone(original):
    before = row_digests(original)

    twin = clone()

    after = row_digests(twin)
    changed = {"audit_auditentry", "events_event", "events_counter", "accounts_invitation", "connectors_inbox"}
    changed |= {
        "messaging_delivery",
        "messaging_message",
        "accounts_apikey",
        "django_session",
        "knox_authtoken",
        "events_idempotencyrecord",
    }
    assert {name for name in before if after[name] != before[name]} - changed == set()
    assert row_digests(original) == before
    with tenancy.public_scope():
        assert Tenant.objects.get(slug="twin").is_outward_paused
        assert TenantOperation.objects.get(kind="clone").state == "done"


def test_a_clone_can_live_on_another_cluster(second_cluster, original):
    twin = clone("twin", "--cluster", second_cluster)

    assert twin.cluster == second_cluster
    assert row_digests(twin)["contacts_contact"] == row_digests(original)["contacts_contact"]


@pytest.mark.parametrize(("slug", "words"), [("acme", "taken"), ("www", "reserved")])
def test_a_bad_slug_is_refused_and_changes_nothing(original, slug, words):
    before = schemas_and_roles(), row_digests(original)

    with pytest.raises(CommandError, match=words):
        clone(slug)

    assert (schemas_and_roles(), row_digests(original)) == before
    with tenancy.public_scope():
        assert not TenantOperation.objects.exists()

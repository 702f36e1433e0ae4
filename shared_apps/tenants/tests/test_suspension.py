"""A suspended tenant's mail and hooks are stored, wait, and are processed once it is resumed."""

import pytest
from celery import current_app
from config import tasks as scheduled
from django.test import Client
from kernel import tenancy
from tenant_apps.intake.listener import resolve_recipient, store_mail
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import FIRST_MAIL, api_inbox, signed
from tenant_apps.messaging.models import Message

from shared_apps.tenants import services
from shared_apps.tenants.models import Tenant

COUNT = 3


@pytest.fixture
def sent(monkeypatch):
    """Tasks that were sent, as (name, arguments); none runs by itself."""
    found = []
    monkeypatch.setattr(current_app, "send_task", lambda name, kwargs, **_: found.append((name, kwargs)))
    for module in ("kernel.tasks", "config.tasks"):
        monkeypatch.setattr(f"{module}.close_old_connections", lambda: None)
    return found


def change(acme, service):
    with tenancy.public_scope():
        service(tenant=Tenant.objects.get(public_id=acme.id))
    tenancy.forget_directory()


def arrive(number):
    """A mail and a hook, as the outside world hands them over. Returns the hook's answer."""
    assert resolve_recipient("support@acme.localhost") is not None
    store_mail(
        "support@acme.localhost",
        FIRST_MAIL.replace(b"first@", f"wait{number}@".encode()).replace(b"broken.", f"no. {number}.".encode()),
        {},
    )
    raw, headers = signed({"contact": {"external_id": "u-1"}, "conversation_id": "c-1", "text": f"hook {number}"}, hook_id=f"msg_{number}")
    host = ("localhost", "acme.localhost")[number % 2]
    return Client(HTTP_HOST=host).generic("POST", "/hooks/v1/key-of-the-shop", raw, content_type="application/json", **headers).status_code


def run_sent(sent):
    for name, arguments in sent:
        if name.endswith("process_inbound"):
            current_app.tasks[name](**arguments)


def states(acme):
    with tenancy.tenant_scope(acme):
        return sorted(InboundEvent.objects.values_list("state", flat=True)), Message.objects.count()


def test_what_arrives_while_suspended_is_processed_after_the_resumption(acme, database, sent):
    api_inbox(acme)
    change(acme, services.suspend_tenant)

    answers = [arrive(number) for number in range(COUNT)]
    scheduled.sweep()
    run_sent(sent)

    assert answers == [202] * COUNT
    assert states(acme) == (["received"] * 2 * COUNT, 0)

    change(acme, services.resume_tenant)
    scheduled.sweep()
    run_sent(sent)

    assert states(acme) == (["done"] * 2 * COUNT, 2 * COUNT)


def test_a_task_that_was_sent_before_the_suspension_does_nothing_while_it_lasts(acme, database, sent):
    api_inbox(acme)
    arrive(0)
    with tenancy.tenant_scope(acme):
        waiting = list(InboundEvent.objects.values_list("pk", flat=True))
    change(acme, services.suspend_tenant)

    for pk in waiting:
        current_app.tasks["tenant_apps.intake.tasks.process_inbound"](tenant_id=str(acme.id), inbound_id=pk)

    assert states(acme) == (["received"] * 2, 0)

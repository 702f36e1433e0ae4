"""The sweeper finds what lost hints would have started, without looking at everybody all the time."""

import datetime

import pytest
from django.db import DatabaseError
from kernel import redis, tenancy
from kernel.clock import now
from kernel.uow import record, unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.events import UserDeactivated
from shared_apps.tenants.models import DueTenant
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.tests.factories import accept_mail
from tenant_apps.messaging import services as messaging
from tenant_apps.tickets.tests.factories import conversation

from config import tasks


@pytest.fixture
def sent(monkeypatch):
    """The tasks that were handed to the broker, as (name, tenant)."""
    names = []

    def take(name, queue, **arguments):
        names.append((name.rsplit(".", 1)[-1], arguments["tenant_id"]))

    monkeypatch.setattr("config.tasks.send", take)
    monkeypatch.setattr("kernel.tasks.send", take)
    return names


def make_due(*tenants):
    with tenancy.public_scope():
        tasks.tenants.claim_visits()
        DueTenant.objects.update(next_at=now() + datetime.timedelta(hours=1))
        DueTenant.objects.filter(tenant__public_id__in=[tenant.id for tenant in tenants]).update(next_at=now())


def test_each_kind_of_waiting_work_is_found(fresh_database, in_acme, acme, ana, sent):
    accept_mail(b"From: a@b.example\r\nTo: support@acme.localhost\r\nSubject: x\r\n\r\nHello")
    accounts.invite(email="new@acme.example", role="agent")
    messaging.send_reply(conversation=conversation(), author=ana, body_text="Hello")
    make_due(acme)

    with tenancy.public_scope():
        tasks.sweep()

    found = {name for name, tenant in sent if tenant == str(acme.id)}
    assert found == {"process_inbound", "send_invitation", "deliver_message", "run_consumers"}


def test_what_waits_in_a_long_queue_is_not_sent_at_each_visit(in_acme, acme, sent):
    event = accept_mail(b"From: a@b.example\r\nTo: support@acme.localhost\r\nSubject: x\r\n\r\nHello")
    for _ in range(3):
        intake.sweep()
    InboundEvent.objects.filter(pk=event.pk).update(attempts=1)
    intake.sweep()
    assert sent == [("process_inbound", str(acme.id))] * 2

    redis.client().flushdb()
    intake.sweep()

    assert len(sent) == 3


def test_a_tenant_that_is_not_due_is_not_looked_at(fresh_database, in_globex, acme, globex, sent):
    with unit_of_work():
        record(UserDeactivated(aggregate_id=globex.id))
    make_due(acme)

    with tenancy.public_scope():
        tasks.sweep()

    assert str(globex.id) not in {tenant for _, tenant in sent}


def test_a_tenant_that_cannot_be_read_stops_no_other(fresh_database, in_globex, acme, globex, sent, monkeypatch):
    real = tasks._look_at
    make_due(acme, globex)

    def broken(tenant):
        if tenant.id == acme.id:
            raise DatabaseError("its cluster is away")
        return real(tenant)

    monkeypatch.setattr(tasks, "_look_at", broken)
    accept_mail(b"From: a@b.example\r\nTo: support@globex.localhost\r\nSubject: x\r\n\r\nHello")

    with tenancy.public_scope():
        tasks.sweep()

    assert ("process_inbound", str(globex.id)) in sent

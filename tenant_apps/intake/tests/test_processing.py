"""Leases, fences, retries, parking, running again, the sweep, forgetting."""

import datetime

import pytest
import time_machine
from celery import current_app
from kernel.clock import now
from shared_apps.audit.models import AuditEntry
from shared_apps.events.models import Event

from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import CONNECTORS
from tenant_apps.connectors.tests.mails import load
from tenant_apps.intake import selectors, services, tasks
from tenant_apps.intake.errors import InboundNotParked, InboxGone, RawBodyForgotten
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.services import processing
from tenant_apps.intake.tests.factories import FIRST_MAIL, accept_mail, receive_mail, support_inbox
from tenant_apps.messaging.models import Message


class ExplodingConnector:
    """A connector with a bug."""

    slug = "exploding"

    def read(self, raw, **_):
        raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch):
    """A task ends its connections; here they are the test's own transaction."""
    monkeypatch.setattr("kernel.tasks.close_old_connections", lambda: None)


@pytest.fixture
def exploding_event(in_acme):
    CONNECTORS.register("exploding")(ExplodingConnector)
    inbox = Inbox.objects.create(connector="exploding", name="Buggy", address="x")
    yield services.accept_inbound(inbox_id=inbox.public_id, connector="exploding", dedup_key="1", raw=b"x", headers={}, envelope={})
    CONNECTORS._items.pop("exploding")


def run_task(event, tenant):
    current_app.tasks[tasks.process_inbound.name](tenant_id=str(tenant.id), inbound_id=event.pk)
    event.refresh_from_db()


def test_unknown_inbox_is_refused_and_nothing_stored(in_acme):
    with pytest.raises(InboxGone):
        services.accept_inbound(inbox_id=in_acme.id, connector="email", dedup_key="1", raw=b"x", headers={}, envelope={})

    assert not InboundEvent.objects.exists()


def test_running_a_finished_event_again_changes_nothing(in_acme):
    event = receive_mail(FIRST_MAIL)
    seq = Event.objects.count()

    assert services.process_inbound(inbound_id=event.pk) is None
    assert (Message.objects.count(), Event.objects.count()) == (1, seq)


def test_event_in_another_workers_hands_is_left_alone(in_acme):
    event = accept_mail(FIRST_MAIL)
    processing._claim(inbound_id=event.pk)

    assert services.process_inbound(inbound_id=event.pk) is None
    assert not Message.objects.exists()


def test_lease_that_ran_out_is_taken_over_and_the_late_worker_writes_nothing(in_acme):
    event = accept_mail(FIRST_MAIL)
    late = processing._claim(inbound_id=event.pk)
    incoming = processing.connectors.read_inbound(inbox=late.inbox, raw=FIRST_MAIL, headers={}, envelope={})

    with time_machine.travel(now() + datetime.timedelta(seconds=31), tick=False):
        assert list(selectors.due_inbound()) == [event]
        services.process_inbound(inbound_id=event.pk)
        assert processing._store(event=late, incoming=incoming) is None

    event.refresh_from_db()
    assert (event.state, event.attempts, Message.objects.count()) == ("done", 2, 1)


def test_unexpected_error_backs_off_and_parks_after_the_fifth(exploding_event, in_acme):
    moment, waits = now(), []
    while True:
        with time_machine.travel(moment, tick=False):
            run_task(exploding_event, in_acme)
            if exploding_event.state != "received":
                break
            assert list(selectors.due_inbound()) == []
            waits.append((exploding_event.next_attempt_at - moment).total_seconds())
            moment = exploding_event.next_attempt_at

    assert waits == [1, 3, 8, 15]
    assert (exploding_event.state, exploding_event.error_code) == ("parked", "unexpected_error")
    assert exploding_event.error_detail == "ZeroDivisionError while processing"
    assert Event.objects.filter(type="inbound.parked", aggregate_id=exploding_event.public_id).count() == 1


def test_event_that_kills_its_worker_each_time_is_parked(in_acme):
    event = accept_mail(FIRST_MAIL)
    moment = now()
    for _ in range(processing.MAX_DEATHS):
        with time_machine.travel(moment, tick=False):
            processing._claim(inbound_id=event.pk)
        moment += datetime.timedelta(seconds=31)
    with time_machine.travel(moment, tick=False):
        services.process_inbound(inbound_id=event.pk)

    event.refresh_from_db()
    assert (event.state, event.error_code) == ("parked", "worker_died")


def test_parked_event_runs_again_and_only_a_parked_one(in_acme):
    event = receive_mail(load("missing_from"))
    assert event.state == "parked"
    InboundEvent.objects.filter(pk=event.pk).update(raw=FIRST_MAIL)

    services.reprocess(event=event)
    services.process_inbound(inbound_id=event.pk)

    event.refresh_from_db()
    assert (event.state, event.error_code, event.message.body_text) == ("done", "", "My bike is broken.")
    assert AuditEntry.objects.filter(action="inbound.rerun", object_id=event.public_id).count() == 1
    seq = Event.objects.count()
    with pytest.raises(InboundNotParked):
        services.reprocess(event=event)
    assert Event.objects.count() == seq


def test_paused_inbox_waits(in_acme):
    event = accept_mail(FIRST_MAIL)
    Inbox.objects.update(is_paused=True)

    assert services.process_inbound(inbound_id=event.pk) is None
    assert services.sweep().enqueued == 0
    Inbox.objects.update(is_paused=False)
    assert services.sweep().enqueued == 1


def test_removed_connector_parks_readably(in_acme):
    inbox = Inbox.objects.create(connector="telegraph", name="Old", address="x")
    event = services.accept_inbound(inbox_id=inbox.public_id, connector="telegraph", dedup_key="1", raw=b"x", headers={}, envelope={})

    services.process_inbound(inbound_id=event.pk)

    event.refresh_from_db()
    assert (event.state, event.error_code) == ("parked", "connector-unavailable")


def test_success_is_noted_on_the_inbox(in_acme):
    receive_mail(FIRST_MAIL)

    inbox = support_inbox()
    assert inbox.last_event_at is not None
    assert inbox.last_error == ""


def test_old_bodies_are_forgotten_and_keys_are_kept(in_acme):
    done, waiting = receive_mail(load("missing_from")), accept_mail(FIRST_MAIL)

    with time_machine.travel(now() + datetime.timedelta(days=31)):
        assert services.forget_raw_bodies() == 1

    done.refresh_from_db()
    waiting.refresh_from_db()
    assert (bytes(done.raw), bytes(waiting.raw), bool(done.dedup_key)) == (b"", FIRST_MAIL, True)
    with pytest.raises(RawBodyForgotten):
        services.reprocess(event=done)

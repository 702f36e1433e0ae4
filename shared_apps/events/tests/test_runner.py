"""Consumers: in order, at least once, parked after five failures, fenced."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from kernel import consumers
from kernel.events import Event
from kernel.ids import new_id
from kernel.uow import record, unit_of_work

from shared_apps.events import services
from shared_apps.events.log import last_seq
from shared_apps.events.models import Consumer, ParkedEvent
from shared_apps.events.services import runner

NAME = "test-consumer"


@dataclass(frozen=True, kw_only=True)
class Ticked(Event):
    type: ClassVar[str] = "clock.ticked"
    aggregate_type: ClassVar[str] = "clock"
    note: str


@pytest.fixture
def handled(in_acme, monkeypatch) -> list[str]:
    """What the test's consumer has handled; a note `bad` makes it fail."""
    seen: list[str] = []

    def handler(event):
        if event.data["note"] == "bad":
            raise ValueError("cannot")
        if event.data["note"] == "twice":
            Consumer.objects.create(name=NAME)
        seen.append(event.data["note"])

    spec = consumers.ConsumerSpec(name=NAME, handlers={Ticked.type: [handler]})
    monkeypatch.setattr(runner, "all_consumers", lambda: {NAME: spec})
    Consumer.objects.create(name=NAME, last_seq=last_seq())
    return seen


@unit_of_work
def tick(*notes: str) -> None:
    for note in notes:
        record(Ticked(aggregate_id=new_id(), note=note))


def test_events_are_handled_in_order_and_once(handled):
    tick("a", "b")
    tick("c")

    assert services.is_behind()
    services.run_consumers()
    services.run_consumers()

    assert handled == ["a", "b", "c"]
    assert not services.is_behind()


def test_a_failing_event_is_parked_after_five_tries_and_the_cursor_goes_on(handled):
    tick("a", "bad", "b")

    for _ in range(4):
        services.run_consumers()
    assert (handled, ParkedEvent.objects.count()) == (["a"], 0)
    services.run_consumers()

    assert handled == ["a", "b"]
    parked = ParkedEvent.objects.get()
    assert (parked.consumer, parked.error) == (NAME, "ValueError: cannot")


def test_a_handler_that_breaks_a_constraint_is_parked_too(handled):
    tick("twice", "b")

    for _ in range(5):
        services.run_consumers()

    assert handled == ["b"]
    assert ParkedEvent.objects.get().error.startswith("IntegrityError")


def test_a_parked_event_can_be_replayed(handled, monkeypatch):
    tick("bad")
    for _ in range(5):
        services.run_consumers()
    parked = ParkedEvent.objects.get()
    mended: list[int] = []
    spec = consumers.ConsumerSpec(name=NAME, handlers={Ticked.type: [lambda event: mended.append(event.seq)]})
    monkeypatch.setattr(runner, "all_consumers", lambda: {NAME: spec})

    services.replay_parked(parked=parked)

    assert mended == [parked.seq]
    assert ParkedEvent.objects.get().replayed_at is not None


def test_a_consumer_held_by_another_worker_is_left_alone(handled):
    tick("a")
    cursor = runner._claim(NAME)

    assert services.run_consumers() == 0

    runner._release(cursor)
    assert services.run_consumers() == 1


def test_a_worker_that_lost_its_lease_moves_nothing(handled):
    tick("a")
    late = runner._claim(NAME)
    Consumer.objects.filter(name=NAME).update(fence=late.fence + 1)

    with pytest.raises(runner.LeaseLost):
        runner._advance(late, last_seq())

    assert Consumer.objects.get(name=NAME).last_seq < last_seq()


def test_a_handlers_own_writes_and_the_cursor_commit_together(handled):
    tick("a", "bad")

    services.run_consumers()

    assert Consumer.objects.get(name=NAME).last_seq == last_seq() - 1

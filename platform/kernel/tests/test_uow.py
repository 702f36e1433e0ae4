"""The unit of work: events and audit entries commit with the change or not at all."""

import threading
from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.db import DatabaseError, connections
from shared_apps.audit import trail, verifying
from shared_apps.audit.models import AuditEntry
from shared_apps.events.log import last_seq
from shared_apps.events.models import Event as StoredRow

from kernel import tenancy
from kernel.db.routing import transaction_in_scope
from kernel.events import Event
from kernel.ids import new_id
from kernel.uow import NoUnitOfWork, record, record_audit, unit_of_work


@dataclass(frozen=True, kw_only=True)
class ThingHappened(Event):
    type: ClassVar[str] = "thing.happened"
    aggregate_type: ClassVar[str] = "thing"
    note: str = ""


@unit_of_work
def happen(note: str = "") -> None:
    record(ThingHappened(aggregate_id=new_id(), note=note))
    record_audit(action="thing.happen", object_type="thing", object_id=new_id(), changes={"note": [None, note]})


@unit_of_work
def happen_and_fail() -> None:
    happen()
    raise ValueError("no")


def test_recording_outside_a_unit_of_work_raises(in_acme):
    with pytest.raises(NoUnitOfWork):
        record(ThingHappened(aggregate_id=new_id()))


def test_numbers_are_consecutive_and_nested_units_share_one_flush(in_acme):
    before = last_seq()

    with unit_of_work():
        happen("a")
        happen("b")

    assert list(StoredRow.objects.filter(seq__gt=before).order_by("seq").values_list("seq", "data__note")) == [
        (before + 1, "a"),
        (before + 2, "b"),
    ]


def test_a_failure_leaves_neither_event_nor_audit_entry(in_acme):
    before, audits = last_seq(), AuditEntry.objects.count()

    with pytest.raises(ValueError, match="no"):
        happen_and_fail()

    assert (last_seq(), AuditEntry.objects.count()) == (before, audits)


def test_the_audit_chain_is_intact(in_acme):
    happen("x")
    happen("y")

    assert trail.first_broken_entry() is None


def test_an_altered_audit_entry_is_found(in_acme, monkeypatch):
    happen("x")
    happen("y")
    entries = list(verifying.entries_in_order())
    entries[-2].changes = {"note": [None, "forged"]}
    monkeypatch.setattr(verifying, "entries_in_order", lambda: iter(entries))

    assert trail.first_broken_entry() == entries[-2].n


def test_the_audit_trail_cannot_be_changed_by_the_runtime_login(in_acme):
    happen()
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope():
        AuditEntry.objects.all().delete()
    with pytest.raises(DatabaseError, match="permission denied"), transaction_in_scope():
        AuditEntry.objects.update(action="other")


def test_parallel_units_leave_no_gap_and_no_broken_chain(fresh_database, acme):
    def work() -> None:
        try:
            with tenancy.tenant_scope(acme):
                for _ in range(20):
                    happen()
        finally:
            connections.close_all()

    with tenancy.tenant_scope(acme):
        before = last_seq()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with tenancy.tenant_scope(acme):
        numbers = list(StoredRow.objects.filter(seq__gt=before).order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(before + 1, before + 81))
        assert trail.first_broken_entry() is None

"""Four hundred acts against the audit trail: each is found and named, and a good chain is never accused."""

import contextlib
import copy
import datetime
import random
import threading
import uuid

import pytest
from django.db import connections
from kernel import tenancy
from kernel.actors import Actor, RequestOrigin, acting_as, coming_from
from kernel.clock import now
from kernel.db.owner import as_owner
from kernel.db.routing import connection_in_scope, transaction_in_scope
from kernel.ids import new_id
from kernel.uow import record_audit, unit_of_work

from shared_apps.audit import chain, trail, verifying
from shared_apps.audit.models import AuditEntry

SEED = 20261125
ACTS = 400
KINDS = ("update", "delete", "insert", "swap", "truncate", "splice", "behead", "renumber")
OTHER_VALUES = {
    "at": lambda value: value + datetime.timedelta(microseconds=1),
    "actor": lambda value: {**value, "name": value["name"] + "x"},
    "action": lambda value: value + "x",
    "object_type": lambda value: value + "x",
    "object_id": lambda value: uuid.UUID(int=value.int ^ 1),
    "changes": lambda value: {**value, "more": [None, 1]},
    "outcome": lambda value: "done" if value == "refused" else "refused",
    "ip": lambda value: value + "1",
    "user_agent": lambda value: value[1:] if value else "x",
    "request_id": lambda value: value + "x",
    "version": lambda value: 1 if value == 2 else 2,
    "previous_hash": lambda value: bytes([bytes(value)[0] ^ 1]) + bytes(value)[1:],
    "hash": lambda value: bytes([bytes(value)[0] ^ 1]) + bytes(value)[1:],
}


def write(count):
    """So many entries of several people, some of them refusals, in units of twenty."""
    for start in range(0, count, 20):
        person = Actor("user", new_id(), f"Person {start}")
        key = Actor("api_key", new_id(), "Key", on_behalf_of=person)
        with (
            acting_as(key if start % 40 else person),
            coming_from(RequestOrigin(f"request-{start}", "192.0.2.1", "Mozilla")),
            unit_of_work(),
        ):
            for number in range(start, min(count, start + 20)):
                record_audit(
                    action="thing.change",
                    object_type="thing",
                    object_id=new_id(),
                    changes={"n": [number, number + 1], "ratio": [1.5, None], "name": ["é", "ü"]},
                    outcome="refused" if number % 7 == 0 else "done",
                )


def tamper(rows, foreign, draw):
    """One act on a copy of the rows. Returns the rows and the number of the first bad entry."""
    kind = draw.choice(KINDS)
    rows, place = list(rows), draw.randrange(1, len(rows) - 1)
    row = rows[place] = copy.copy(rows[place])
    if kind == "update":
        column = draw.choice(sorted(OTHER_VALUES))
        setattr(row, column, OTHER_VALUES[column](getattr(row, column)))
        return kind + " " + column, rows, row.n
    if kind == "delete":
        end = min(len(rows) - 1, place + draw.choice([1, 1, 3]))
        return kind, rows[:place] + rows[end:], row.n
    if kind == "insert":
        forged = copy.copy(row)
        forged.n, forged.previous_hash = rows[-1].n + 1, rows[-1].hash
        return kind, [*rows, forged], forged.n
    if kind == "swap":
        there = draw.randrange(len(rows))
        there = 0 if there == place else there
        other = rows[there] = copy.copy(rows[there])
        row.n, other.n = other.n, row.n
        return kind, sorted(rows, key=lambda entry: entry.n), min(row.n, other.n)
    return tamper_as_a_whole(kind, rows, place, foreign)


def tamper_as_a_whole(kind, rows, place, foreign):
    """Acts on more than one entry."""
    row, first = rows[place], rows[0].n
    if kind == "truncate":
        return kind, rows[:place], row.n
    if kind == "splice":
        rows[place] = copy.copy(next(entry for entry in foreign if entry.n == row.n))
        return kind, rows, row.n
    if kind == "behead":
        return kind, rows[place:], first
    row.n += 10**6
    return kind, sorted(rows, key=lambda entry: entry.n), rows[place - 1].n + 1


@pytest.fixture
def chains(acme, globex, db):
    """Two thousand entries of acme, and as many of globex to splice from."""
    found = []
    for tenant in (acme, globex):
        with tenancy.tenant_scope(tenant):
            write(2000 - trail.head()["entries"])
            found.append(list(verifying.entries_in_order()))
    return found


def anchors_of(rows):
    return {row.n: bytes(row.hash) for row in rows[::97]} | {rows[-1].n: bytes(rows[-1].hash)}


def test_four_hundred_acts_on_two_thousand_entries_are_found_and_named(chains, acme, monkeypatch):
    rows, foreign = chains
    draw = random.Random(SEED)
    anchors, wrong, kinds = anchors_of(rows), [], set()

    for number in range(ACTS):
        kind, tampered, expected = tamper(rows, foreign, draw)
        kinds.add(kind)
        monkeypatch.setattr(verifying, "entries_in_order", lambda kept=tampered: iter(kept))
        with tenancy.tenant_scope(acme):
            verdict = verifying.verify(anchors=anchors)
        if verdict.broken_at != expected:
            wrong.append((number, kind, expected, verdict))

    assert wrong == []
    assert len(kinds) == len(KINDS) - 1 + len(OTHER_VALUES)


def test_a_good_chain_is_never_accused(chains, acme):
    with tenancy.tenant_scope(acme):
        verdicts = [verifying.verify(anchors=anchors) for anchors in ({}, anchors_of(chains[0]))]

    assert [(verdict.is_good, verdict.entries) for verdict in verdicts] == [(True, len(chains[0]))] * 2


@contextlib.contextmanager
def owning(tenant):
    """The tenant's schema with the rights of its owner: what the runtime log-in may not do."""
    scope = tenancy.Scope(schema=tenant.schema, role="", tenant=tenant, cluster=tenant.cluster)
    with as_owner(tenant.cluster), tenancy._entered(scope):
        yield


class Undone(Exception):
    """Ends a block whose changes are taken back."""


def test_four_hundred_acts_on_stored_rows_are_found_and_named(fresh_database, acme, globex):
    draw = random.Random(SEED + 1)
    chains, wrong = [], []
    for tenant in (globex, acme):
        with tenancy.tenant_scope(tenant):
            write(100)
            chains.append(list(verifying.entries_in_order())[:100])
    foreign, rows = chains
    with owning(acme):
        AuditEntry.objects.filter(n__gt=rows[-1].n).delete()
        for number in range(ACTS):
            kind, tampered, expected = tamper(rows, foreign, draw)
            with contextlib.suppress(Undone), transaction_in_scope():
                store(rows, tampered)
                verdict = verifying.verify(anchors=anchors_of(rows))
                if verdict.broken_at != expected:
                    wrong.append((number, kind, expected, verdict))
                raise Undone
        after = verifying.verify(anchors=anchors_of(rows))

    assert wrong == []
    assert after.is_good


def store(rows, tampered):
    """Writes the difference, as somebody with the owner's log-in would."""
    before, after = ({row.n: row.__dict__ for row in some} for some in (rows, tampered))
    plain = [{number: {**kept, "_state": None} for number, kept in some.items()} for some in (before, after)]
    changed = [number for number in plain[0].keys() | plain[1].keys() if plain[0].get(number) != plain[1].get(number)]
    AuditEntry.objects.filter(n__in=changed).delete()
    AuditEntry.objects.bulk_create([row for row in tampered if row.n in set(changed)])


def test_an_anchor_finds_a_chain_that_was_written_anew(in_acme):
    """Whoever has the key can write another past; not the anchors."""
    write(20)
    entries = list(verifying.entries_in_order())
    anchors = anchors_of(entries)
    middle = entries[10]

    verdict = verifying.verify(anchors={**anchors, middle.n: b"\x01" * 32})

    assert (verdict.broken_at, verdict.reason) == (middle.n, "unlike_anchor")


def test_eight_writers_at_once_leave_no_fork(fresh_database, acme):
    with tenancy.tenant_scope(acme):
        before = trail.head()["entries"]

    def work():
        try:
            with tenancy.tenant_scope(acme):
                for _ in range(25):
                    write(2)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with tenancy.tenant_scope(acme):
        entries = list(verifying.entries_in_order())
        verdict = verifying.verify()
    assert verdict.is_good
    assert [entry.n for entry in entries] == list(range(1, before + 401))
    assert len({bytes(entry.previous_hash) for entry in entries}) == len(entries)


def test_entries_from_before_there_were_outcomes_still_verify(in_acme):
    head = AuditEntry.objects.order_by("-n").first()
    old = AuditEntry(
        n=(head.n if head else 0) + 1,
        at=now(),
        actor={"kind": "system", "id": None, "name": "Atende"},
        action="thing.happen",
        object_type="thing",
        object_id=new_id(),
        changes={"note": [None, "x"]},
        version=1,
        previous_hash=bytes(head.hash) if head else chain.GENESIS,
    )
    old.hash = chain.entry_hash(old, bytes(old.previous_hash), tenancy.scope_key())
    with connection_in_scope().cursor() as cursor:  # as the code of that time wrote it: without the new columns
        cursor.execute(
            "INSERT INTO audit_auditentry (n, at, actor, action, object_type, object_id, changes, ip, user_agent, request_id, "
            "previous_hash, hash) VALUES (%s, %s, %s::jsonb, %s, %s, %s, %s::jsonb, '', '', '', %s, %s)",
            [
                *(old.n, old.at, '{"kind": "system", "id": null, "name": "Atende"}', old.action, old.object_type, old.object_id),
                *('{"note": [null, "x"]}', old.previous_hash, old.hash),
            ],
        )
    write(20)

    stored = AuditEntry.objects.get(n=old.n)

    assert (stored.version, stored.outcome) == (1, "done")
    assert verifying.verify().is_good


@pytest.mark.parametrize(("version", "outcome"), [(1, "refused"), (2, "done"), (3, "done")])
def test_an_old_entry_cannot_be_given_what_its_form_does_not_cover(in_acme, monkeypatch, version, outcome):
    write(20)
    entries = list(verifying.entries_in_order())
    previous = bytes(entries[-1].hash)
    old = AuditEntry(n=entries[-1].n + 1, at=now(), actor={}, action="a", object_type="t", object_id=new_id(), changes={}, version=1)
    old.previous_hash, old.hash = previous, chain.entry_hash(old, previous, tenancy.scope_key())
    old.version, old.outcome = version, outcome
    monkeypatch.setattr(verifying, "entries_in_order", lambda: iter([*entries, old]))

    assert verifying.verify().broken_at == old.n

"""The context storm over our backend, and over the library's own, which must leak."""

import contextlib

import psycopg
import pytest
from django.db import connections
from kernel import tenancy
from kernel.db.base import DatabaseWrapper
from tenant_apps.contacts.models import Contact

from tests.isolation import canaries
from tests.isolation.storm import OurActor, SocketActor, StockActor, stock_settings, storm


@pytest.fixture
def four_tenants(fresh_database, acme, globex):
    """Tenants whose first contact is named after their schema."""
    tenants = [acme, globex, *(canaries.open_tenant(slug, beside=acme) for slug in ("storm-one", "storm-two"))]
    for tenant in tenants:
        with tenancy.tenant_scope(tenant):
            Contact.objects.create(name=tenant.schema)
    connections.close_all()
    return tenants


def test_no_storm_makes_a_query_answer_from_another_tenant(four_tenants, fresh_database, is_full, counted):
    tally = storm(
        lambda number: SocketActor() if number % 2 else OurActor(),
        four_tenants,
        fresh_database,
        threads=16 if is_full else 8,
        seconds=90 if is_full else 4,
    )

    counted(
        "context storm",
        switches=tally.switches,
        cancels=tally.cancels,
        connections_cut=tally.cuts,
        refused=tally.refused,
        wrong_reads=len(tally.wrong_reads),
        wrong_writes=len(tally.wrong_writes),
    )
    assert (tally.wrong_reads, tally.wrong_writes) == ([], [])
    assert tally.switches > tally.refused > 0
    assert min(tally.cancels, tally.cuts) > 0


def test_the_storm_finds_backends_that_leak(four_tenants, fresh_database, monkeypatch, counted):
    """The library's own swallows a cancelled SET and runs the query on the path it had before; so does ours with that defect planted."""
    with stock_settings(four_tenants, fresh_database) as settings:
        stock = storm(lambda _: StockActor(settings), four_tenants, fresh_database, threads=8, seconds=60, until_wrong=True)

    def swallowing(self, cursor=None):
        with contextlib.suppress(psycopg.Error), psycopg.ClientCursor(self.connection) as plain:
            plain.execute(self._apply_statement(tenancy.current_scope()))

    monkeypatch.setattr(DatabaseWrapper, "_handle_search_path", swallowing)
    ours = storm(lambda _: OurActor(), four_tenants, fresh_database, threads=8, seconds=60, until_wrong=True)

    switches, wrong = stock.switches + ours.switches, len(stock.wrong_reads + ours.wrong_reads)
    counted("context storm on leaking backends", switches=switches, wrong_reads=wrong)
    assert stock.wrong_reads
    assert ours.wrong_reads

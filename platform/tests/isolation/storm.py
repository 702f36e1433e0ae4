"""The context storm: many threads switch tenants while their queries are cancelled and their connections cut.

The same storm runs over any `Actor`, so what our backend must survive can be seen to break the library's own.
"""

import asyncio
import contextlib
import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import psycopg
from django.db import DatabaseError, InterfaceError, connections
from django_tenants.postgresql_backend.base import DatabaseWrapper as StockWrapper
from infra.testing import databases
from infra.testing.plugin import FACTS
from kernel import tenancy
from kernel.db.routing import transaction_in_scope
from kernel.tenancy import TenantRef
from kernel.threads import in_tenant
from psycopg import sql
from psycopg_pool import PoolTimeout
from tenant_apps.contacts.models import Contact

EXPECTED = (DatabaseError, InterfaceError, psycopg.Error, PoolTimeout)  # what a cancelled or cut query may raise; a wrong row it may not


class Planned(Exception):
    """Raised by the storm in the middle of a block."""


class Actor(Protocol):
    """One thread's way to the database. Every method runs in the tenant given and tells what it saw."""

    def read(self, tenant: TenantRef) -> str: ...

    def write(self, tenant: TenantRef, token: str) -> None: ...

    def roll_back(self, tenant: TenantRef, token: str) -> str: ...

    def close(self) -> None: ...


@dataclasses.dataclass
class Tally:
    """What a storm did and found."""

    switches: int = 0
    refused: int = 0
    cancels: int = 0
    cuts: int = 0
    wrong_reads: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    wrong_writes: list[str] = dataclasses.field(default_factory=list)


class OurActor:
    """The product's way: a scope, the ORM, the pool."""

    def read(self, tenant: TenantRef) -> str:
        with tenancy.tenant_scope(tenant):
            return _name_of(Contact.objects.order_by("id").first())

    def write(self, tenant: TenantRef, token: str) -> None:
        with tenancy.tenant_scope(tenant), transaction_in_scope():
            Contact.objects.create(name=token)

    def roll_back(self, tenant: TenantRef, token: str) -> str:
        """A savepoint and then a whole block end by an exception; the block goes on reading in between."""
        with tenancy.tenant_scope(tenant), contextlib.suppress(Planned), transaction_in_scope():
            with contextlib.suppress(Planned), transaction_in_scope():
                Contact.objects.create(name=f"lost {token}")
                raise Planned
            seen = _name_of(Contact.objects.order_by("id").first())
            Contact.objects.create(name=f"lost {token}")
            raise Planned
        return seen

    def close(self) -> None:
        connections.close_all()


class SocketActor(OurActor):
    """The sockets' way: each piece of work is one call into a thread, from an event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def read(self, tenant: TenantRef) -> str:
        return self.loop.run_until_complete(in_tenant(tenant, lambda: _name_of(Contact.objects.order_by("id").first())))


class StockActor:
    """The library's own wrapper on a log-in that may read and write every tenant, as a stock installation has it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.wrapper = StockWrapper(settings, alias="stock")

    def read(self, tenant: TenantRef) -> str:
        self.wrapper.set_schema(tenant.schema)
        with self.wrapper.cursor() as cursor:
            cursor.execute("SELECT name FROM contacts_contact ORDER BY id LIMIT 1")
            return str(cursor.fetchone()[0])

    def write(self, tenant: TenantRef, token: str) -> None:
        self.wrapper.set_schema(tenant.schema)
        with self.wrapper.cursor() as cursor:
            cursor.execute(
                "INSERT INTO contacts_contact (name, email, language, created_at, updated_at, public_id) "
                "VALUES (%s, '', '', now(), now(), gen_random_uuid())",
                [token],
            )

    def roll_back(self, tenant: TenantRef, token: str) -> str:
        return self.read(tenant)

    def close(self) -> None:
        self.wrapper.close()


def _name_of(contact: Contact | None) -> str:
    return contact.name if contact else "nobody"


def storm(
    make: Callable[[int], Actor], tenants: list[TenantRef], database: str, *, threads: int, seconds: float, until_wrong: bool = False
) -> Tally:
    """Runs the storm. Each tenant's first contact must be named after its schema, and every token begins with its schema."""
    tally, stop = Tally(), threading.Event()
    url = databases.superuser_url(FACTS, tenants[0].cluster, database)
    end = time.monotonic() + seconds

    def is_over() -> bool:
        return stop.is_set() or time.monotonic() > end or (until_wrong and bool(tally.wrong_reads))

    workers = [threading.Thread(target=_work, args=(make, number, tenants, tally, is_over)) for number in range(threads)]
    faults = [threading.Thread(target=_cancel, args=(url, tally, stop)), threading.Thread(target=_cut, args=(url, tally, stop))]
    for thread in [*faults, *workers]:
        thread.start()
    for thread in workers:
        thread.join()
    stop.set()
    for thread in faults:
        thread.join()
    tally.wrong_writes = _misplaced(url, tenants)
    return tally


def _work(make: Callable[[int], Actor], number: int, tenants: list[TenantRef], tally: Tally, is_over: Callable[[], bool]) -> None:
    actor, chance = make(number), random.Random(number)
    for turn in range(10**9):
        if is_over():
            break
        tenant = chance.choice(tenants)
        tally.switches += 1
        try:
            seen = _one(actor, tenant, f"{tenant.schema} {number} {turn}", chance)
        except EXPECTED:
            tally.refused += 1
        else:
            if seen not in {tenant.schema, ""}:
                tally.wrong_reads.append((tenant.schema, seen))
        if chance.random() < 0.1:
            actor.close()
    actor.close()


def _one(actor: Actor, tenant: TenantRef, token: str, chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.7:
        return actor.read(tenant)
    if kind < 0.85:
        return actor.roll_back(tenant, token)
    actor.write(tenant, token)
    return ""


def _superuser(url: str) -> "contextlib.AbstractContextManager[psycopg.Connection[Any]]":
    return psycopg.connect(url, autocommit=True)


def _cancel(url: str, tally: Tally, stop: threading.Event) -> None:
    with _superuser(url) as admin:
        while not stop.wait(0.0003):
            tally.cancels += len(admin.execute(_EVERYBODY_ELSE.format(sql.SQL("pg_cancel_backend"))).fetchall())


def _cut(url: str, tally: Tally, stop: threading.Event) -> None:
    with _superuser(url) as admin:
        while not stop.wait(0.4):
            tally.cuts += len(admin.execute(_EVERYBODY_ELSE.format(sql.SQL("pg_terminate_backend"))).fetchall())


_EVERYBODY_ELSE = sql.SQL(
    "SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename NOT IN (current_user, 'atende_owner')"
)


def _misplaced(url: str, tenants: list[TenantRef]) -> list[str]:
    """Rows that another tenant's token names, and rows whose block was rolled back."""
    found: list[str] = []
    with _superuser(url) as admin:
        for tenant in tenants:
            query = sql.SQL("SELECT name FROM {}.contacts_contact WHERE name NOT LIKE {}")
            rows = admin.execute(query.format(sql.Identifier(tenant.schema), sql.Literal(f"{tenant.schema}%"))).fetchall()
            found += [f"{name} in {tenant.schema}" for (name,) in rows]
    return found


@contextlib.contextmanager
def stock_settings(tenants: list[TenantRef], database: str) -> Iterator[dict[str, Any]]:
    """Django settings of a log-in that inherits every tenant's rights; gone afterwards."""
    name, cluster = sql.Identifier("isolation_stock"), tenants[0].cluster
    with _superuser(databases.superuser_url(FACTS, cluster, database)) as admin:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN INHERIT PASSWORD 'isolation'").format(name))
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
        admin.execute(sql.SQL("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO {}").format(name))
        for tenant in tenants:
            admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(tenant.role), name))
        try:
            yield {
                **connections[cluster].settings_dict,
                "NAME": database,
                "USER": "isolation_stock",
                "PASSWORD": "isolation",
                "CONN_MAX_AGE": None,
                "OPTIONS": {},
            }
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(name))
            admin.execute(sql.SQL("DROP ROLE {}").format(name))

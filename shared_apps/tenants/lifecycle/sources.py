"""Where rows and files of a tenant come from: a living schema in one snapshot, or an archive."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any, Protocol

import psycopg
from kernel import storage
from kernel.db.owner import owner_connection
from kernel.tenancy import TenantRef
from psycopg import sql

from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.lifecycle.tables import Facts, Table


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """A stored file: its key below the tenant's folder, and what proves its bytes."""

    key: str
    sha256: str
    size: int


class Source(Protocol):
    """What an import reads from."""

    def tables(self) -> list[Table]: ...

    def rows(self, table: Table) -> Iterator[bytes]: ...

    def expected(self, table: Table) -> Facts | None:
        """What the rows have to be, where that is known before they are read."""
        ...

    def sequences(self) -> dict[str, int]: ...

    def row_count(self) -> int: ...

    def files(self) -> Iterator[SourceFile]: ...

    def file_blocks(self, file: SourceFile) -> Iterator[bytes]: ...


class LiveSource:
    """A tenant's schema in one REPEATABLE READ snapshot, read as the owner, whose locks keep the tables from being dropped meanwhile.

    With `is_portable` credentials are left out and file keys lose the tenant's id; without, everything is there as it is.
    """

    def __init__(self, connection: "psycopg.Connection[Any]", tenant: TenantRef, *, is_portable: bool) -> None:
        self._connection, self._tenant = connection, tenant
        self._prefix = str(tenant.id) if is_portable else ""
        self._tables = tables.tables_of(connection, tenant.schema, without=tables.SECRETS if is_portable else frozenset())
        self.missing: list[str] = []
        names = [sql.SQL("{}.{}").format(sql.Identifier(tenant.schema), sql.Identifier(table.name)) for table in self._tables]
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(names)))

    @property
    def connection(self) -> "psycopg.Connection[Any]":
        """The snapshot's connection."""
        return self._connection

    def tables(self) -> list[Table]:
        """The tables that are carried."""
        return self._tables

    def rows(self, table: Table) -> Iterator[bytes]:
        """The rows as they were when the snapshot began."""
        return tables.dump(self._connection, self._tenant.schema, table, tenant_id=self._prefix)

    def expected(self, table: Table) -> Facts | None:
        """Nothing is known before the rows were read."""
        return None

    def sequences(self) -> dict[str, int]:
        """The last numbers given out."""
        return tables.sequences_of(self._connection, self._tenant.schema)

    def row_count(self) -> int:
        """How many rows there are."""
        return tables.count_rows(self._connection, self._tenant.schema, self._tables)

    def files(self) -> Iterator[SourceFile]:
        """The files that the rows name. One that is not there any more is noted in `missing` and left out."""
        for table in self._tables:
            for key in tables.file_keys(self._connection, self._tenant.schema, table, str(self._tenant.id)):
                digest, size = hashlib.sha256(), 0
                try:
                    for block in storage.blocks(f"{self._tenant.id}/{key}"):
                        digest.update(block)
                        size += len(block)
                except FileNotFoundError:
                    self.missing.append(key)
                    continue
                yield SourceFile(key, digest.hexdigest(), size)

    def file_blocks(self, file: SourceFile) -> Iterator[bytes]:
        """The bytes of one of the files."""
        return storage.blocks(f"{self._tenant.id}/{file.key}")


@contextlib.contextmanager
def snapshot(tenant: TenantRef, *, is_portable: bool) -> Iterator[LiveSource]:
    """A source that shows the tenant as it is now, for as long as the block lasts."""
    with owner_connection(tenant.cluster) as connection:
        tables.fix_format(connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield LiveSource(connection, tenant, is_portable=is_portable)

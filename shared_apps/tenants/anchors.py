"""Anchors of the audit chains: number and hash of each chain's head, kept where the tenant's own rights do not reach.

Three places, so that whoever cuts a chain must reach all of them: a public table that the runtime log-in may only add to, the log,
and a file of the operator's choice (`ATENDE_AUDIT_ANCHORS`). Each anchor carries a MAC under a key of its chain.
"""

import dataclasses
import datetime
import hashlib
import hmac
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
import structlog
from django.conf import settings
from django.utils.dateparse import parse_datetime
from kernel import crypto, tenancy
from kernel.clock import now
from kernel.db.owner import owner_connection
from kernel.db.routing import connection_in_scope
from psycopg import sql

from shared_apps.tenants.models import AuditAnchor, Tenant, TenantState

BATCH: Final = 100
_WITH_CHAIN: Final = (TenantState.ACTIVE, TenantState.SUSPENDED, TenantState.MOVING)
_LATEST: Final = """
SELECT t.id, a.n, a.hash FROM unnest(%s::uuid[]) AS t(id) CROSS JOIN LATERAL (
  SELECT n, hash FROM tenants_auditanchor WHERE tenant_public_id = t.id ORDER BY n DESC LIMIT 1) AS a"""
_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was seen. `tenant_id` is None for the platform's own chain."""

    tenant_id: uuid.UUID | None
    n: int
    hash: bytes
    set_at: datetime.datetime

    @property
    def owner(self) -> str:
        """Whose key signs it."""
        return str(self.tenant_id) if self.tenant_id else tenancy.PUBLIC.schema

    def mac(self) -> bytes:
        """What proves that we set it."""
        text = b"|".join([self.owner.encode(), str(self.n).encode(), self.hash, self.set_at.isoformat().encode()])
        return hmac.new(crypto.derive_key("audit-anchor", owner=self.owner), text, hashlib.sha256).digest()


def set_anchors() -> list[Anchor]:
    """Anchors every chain whose head has moved since its last anchor, and returns the new anchors. Call it outside of any scope.

    A chain that is shorter than its last anchor is an error in the log and gets none.
    """
    found = _moved(_platform_head())
    with tenancy.public_scope():
        places = Tenant.objects.filter(state__in=_WITH_CHAIN).order_by("cluster", "id").values_list("cluster", "public_id", "schema_name")
        by_cluster: dict[str, list[tuple[uuid.UUID, str]]] = {}
        for cluster, public_id, schema in places:
            by_cluster.setdefault(cluster, []).append((public_id, schema))
    for cluster, chains in by_cluster.items():
        for start in range(0, len(chains), BATCH):
            found += _moved(_heads(cluster, chains[start : start + BATCH]))
    _store(found)
    return found


def anchors_of(tenant_id: uuid.UUID | None, *, file: Path | None = None) -> tuple[dict[int, bytes], int]:
    """The anchors of one chain by number, from the table and from a file, and how many do not carry our MAC or contradict another."""
    with tenancy.public_scope():
        rows = AuditAnchor.objects.filter(tenant_public_id=tenant_id).order_by("id")
        stored = [(Anchor(row.tenant_public_id, row.n, bytes(row.hash), row.set_at), bytes(row.mac)) for row in rows]
    if file is not None:
        stored += [(anchor, mac) for anchor, mac in _read(file) if anchor.tenant_id == tenant_id]
    known: dict[int, bytes] = {}
    wrong = 0
    for anchor, mac in stored:
        if not crypto.same(mac, anchor.mac()) or known.get(anchor.n, anchor.hash) != anchor.hash:
            wrong += 1
        else:
            known[anchor.n] = anchor.hash
    return known, wrong


Head = tuple[uuid.UUID | None, int, bytes]


def _platform_head() -> list[Head]:
    with tenancy.public_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT n, hash FROM audit_auditentry ORDER BY n DESC LIMIT 1")
        return [(None, int(n), bytes(digest)) for n, digest in cursor.fetchall()]


def _heads(cluster: str, chains: list[tuple[uuid.UUID, str]]) -> list[Head]:
    """The heads of so many schemas in one query, on a throw-away connection; where one is just going, each by itself."""
    with owner_connection(cluster) as connection:
        try:
            return _ask(connection, chains)
        except psycopg.Error:
            heads: list[Head] = []
            for chain in chains:
                try:
                    heads += _ask(connection, [chain])
                except psycopg.Error:
                    _log.warning("audit.not_anchored", tenant=str(chain[0]))
            return heads


def _ask(connection: "psycopg.Connection[Any]", chains: list[tuple[uuid.UUID, str]]) -> list[Head]:
    one = sql.SQL("(SELECT {}::uuid, n, hash FROM {} ORDER BY n DESC LIMIT 1)")
    parts = [one.format(sql.Literal(str(public_id)), sql.Identifier(schema, "audit_auditentry")) for public_id, schema in chains]
    return [(row[0], int(row[1]), bytes(row[2])) for row in connection.execute(sql.SQL(" UNION ALL ").join(parts)).fetchall()]


def _moved(heads: list[Head]) -> list[Anchor]:
    latest, moment = _latest([head[0] for head in heads]), now()
    anchors = []
    for tenant_id, n, digest in heads:
        before = latest.get(tenant_id)
        if before is not None and n < before[0]:
            _log.error("audit.shorter_than_anchor", chain=str(tenant_id or "public"), n=n, anchored=before[0])
        elif before != (n, digest):
            anchors.append(Anchor(tenant_id, n, digest, moment))
    return anchors


def _latest(ids: list[uuid.UUID | None]) -> dict[uuid.UUID | None, tuple[int, bytes]]:
    with tenancy.public_scope():
        if None in ids:
            row = AuditAnchor.objects.filter(tenant_public_id=None).order_by("-n").values_list("n", "hash").first()
            return {None: (row[0], bytes(row[1]))} if row else {}
        with connection_in_scope().cursor() as cursor:
            cursor.execute(_LATEST, [ids])
            return {row[0]: (int(row[1]), bytes(row[2])) for row in cursor.fetchall()}


def _store(anchors: Iterable[Anchor]) -> None:
    rows = [
        AuditAnchor(tenant_public_id=anchor.tenant_id, n=anchor.n, hash=anchor.hash, set_at=anchor.set_at, mac=anchor.mac())
        for anchor in anchors
    ]
    with tenancy.public_scope():
        AuditAnchor.objects.bulk_create(rows, batch_size=500)
    for row in rows:
        _log.info("audit.anchor", chain=str(row.tenant_public_id or "public"), n=row.n, hash=row.hash.hex())
    if settings.ATENDE_AUDIT_ANCHORS and rows:
        _append(Path(settings.ATENDE_AUDIT_ANCHORS), rows)


def _append(file: Path, rows: list[AuditAnchor]) -> None:
    """Adds lines and waits until the disk has them. A file that cannot be written is an error in the log: the table has them."""
    lines = b"".join(
        orjson.dumps({"tenant": row.tenant_public_id, "n": row.n, "hash": row.hash.hex(), "at": row.set_at, "mac": row.mac.hex()}) + b"\n"
        for row in rows
    )
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        with os.fdopen(descriptor, "ab") as out:
            out.write(lines)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        _log.error("audit.anchors_not_written", file=str(file), error=type(error).__name__)


def _read(file: Path) -> Iterator[tuple[Anchor, bytes]]:
    with file.open("rb") as lines:
        for line in lines:
            try:
                stored = orjson.loads(line)
                owner = uuid.UUID(stored["tenant"]) if stored["tenant"] else None
                moment = parse_datetime(stored["at"])
                anchor = Anchor(owner, int(stored["n"]), bytes.fromhex(stored["hash"]), moment or now())
                yield anchor, bytes.fromhex(stored["mac"])
            except (ValueError, KeyError, TypeError):
                _log.warning("audit.anchor_unreadable", file=str(file))

"""Carrying a request out at most once for one key."""

import dataclasses
from collections.abc import Callable

import psycopg
from django.db import OperationalError
from kernel import crypto
from kernel.db.routing import connection_in_scope
from kernel.uow import unit_of_work

from shared_apps.events.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from shared_apps.events.models import IdempotencyRecord

WAIT = "2s"


@dataclasses.dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as first given."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str]


def once(*, principal: str, route: str, key: str, request_sha256: str, act: Callable[[], StoredAnswer]) -> StoredAnswer:
    """Runs `act` and stores its answer in one transaction, or returns the stored answer of the first time.

    The row is inserted first: a concurrent twin waits for it at most two seconds (IdempotencyKeyInUse). The same key with
    another body raises IdempotencyKeyReused. What `act` raises leaves no row, so a corrected request may use the key again.
    """
    with unit_of_work():
        record, is_first = _take(principal, route, key, request_sha256)
        if not is_first:
            return _replay(record, request_sha256)
        answer = act()
        record.status, record.content_type, record.headers = answer.status, answer.content_type, answer.headers
        record.body = crypto.seal(answer.body, context=f"idempotency:{principal}:{key}").encode()
        record.save()
        return answer


def _take(principal: str, route: str, key: str, request_sha256: str) -> tuple[IdempotencyRecord, bool]:
    try:
        with connection_in_scope().cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAIT}'")
            cursor.execute(
                "INSERT INTO events_idempotencyrecord (principal, route, key, request_sha256, content_type, headers, created_at) "
                "VALUES (%s, %s, %s, %s, '', '{}', now()) ON CONFLICT (principal, route, key) DO NOTHING RETURNING id",
                [principal, route, key, request_sha256],
            )
            is_first = cursor.fetchone() is not None
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise IdempotencyKeyInUse(headers={"Retry-After": "2"}) from error
        raise
    return IdempotencyRecord.objects.get(principal=principal, route=route, key=key), is_first


def _replay(record: IdempotencyRecord, request_sha256: str) -> StoredAnswer:
    if not crypto.same(record.request_sha256, request_sha256):
        raise IdempotencyKeyReused
    body = crypto.unseal(bytes(record.body or b"").decode(), context=f"idempotency:{record.principal}:{record.key}")
    return StoredAnswer(status=record.status or 200, body=body, content_type=record.content_type, headers=record.headers)

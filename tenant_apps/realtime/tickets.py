"""One-use tickets for sockets: a machine swaps its API key for one, so the key never stands in a URL."""

import secrets
import uuid

import orjson
import redis
from kernel import redis as redis_client
from kernel import tenancy
from kernel.problems import Unavailable

SECONDS = 30
_BYTES = 24


def issue(*, user_id: int, key_id: uuid.UUID | None) -> str:
    """A ticket for the user in the tenant in scope; it works once and for 30 seconds. Raises Unavailable without Redis."""
    ticket = secrets.token_urlsafe(_BYTES)
    body = orjson.dumps({"user": user_id, "key": str(key_id) if key_id else None})
    try:
        redis_client.client().set(_name(ticket), body, ex=SECONDS)
    except redis.RedisError as error:
        raise Unavailable("Socket tickets are not available right now", headers={"Retry-After": "2"}) from error
    return ticket


def redeem(ticket: str) -> tuple[int, uuid.UUID | None] | None:
    """The user and key behind a ticket of this tenant; None for an unknown, used or expired one."""
    try:
        body = redis_client.client().getdel(_name(ticket))
    except redis.RedisError:
        return None
    if not isinstance(body, bytes):
        return None
    stored = orjson.loads(body)
    return int(stored["user"]), uuid.UUID(stored["key"]) if stored["key"] else None


def _name(ticket: str) -> str:
    return f"socket-ticket:{tenancy.scope_key()}:{ticket}"

"""Hints that something was committed: fast, and allowed to get lost, since sweepers read the truth."""

import redis
import structlog

from kernel import redis as redis_client
from kernel.tenancy import TenantRef

CHANNEL = "atende:hints"
_log = structlog.get_logger(__name__)


def announce(tenant: TenantRef, seq: int) -> None:
    """Tells the socket hubs that the tenant's log has reached `seq`. Never raises."""
    publish(f"{tenant.id} {seq}")


def publish(message: str) -> None:
    """Sends a line on the hint channel. Never raises."""
    try:
        redis_client.client().publish(CHANNEL, message)
    except redis.RedisError as error:
        _log.warning("hint.lost", error=type(error).__name__)

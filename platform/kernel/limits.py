"""Rate limits with a moving window in Redis; while Redis is away each process counts for itself."""

import functools
import time

import redis
import structlog
from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from kernel import tenancy
from kernel.problems import TooManyRequests

_log = structlog.get_logger(__name__)


def take(rate: str, *identifiers: str) -> None:
    """Counts one use against `rate` (for example `5/minute`) within the scope. Raises TooManyRequests with Retry-After."""
    item, keys = parse(rate), (tenancy.scope_key(), *identifiers)
    limiter = _shared()
    try:
        allowed = limiter.hit(item, *keys)
    except redis.RedisError as error:
        _log.warning("limits.local", error=type(error).__name__)
        limiter = _local()
        allowed = limiter.hit(item, *keys)
    if not allowed:
        raise TooManyRequests("Wait before you try again", headers={"Retry-After": str(_wait(limiter, item, keys))})


def _wait(limiter: MovingWindowRateLimiter, item: RateLimitItem, keys: tuple[str, ...]) -> int:
    try:
        return max(1, int(limiter.get_window_stats(item, *keys).reset_time - time.time()) + 1)
    except redis.RedisError:
        return item.get_expiry()


@functools.cache
def _shared() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(RedisStorage(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=0.5))


@functools.cache
def _local() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())

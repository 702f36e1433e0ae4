"""The hub of one process: one Redis subscription, and a feed for each tenant that has sockets here."""

import asyncio
import uuid

import redis.asyncio as redis
import structlog
from django.conf import settings
from kernel.hints import CHANNEL
from kernel.tenancy import TenantRef
from redis.exceptions import RedisError

from tenant_apps.realtime.feed import Feed
from tenant_apps.realtime.sockets import Socket

_log = structlog.get_logger(__name__)


class Hub:
    """Belongs to one event loop. Without Redis it goes on by the feeds' own clock."""

    def __init__(self) -> None:
        self._feeds: dict[uuid.UUID, Feed] = {}
        self._listener: asyncio.Task[None] | None = None

    def add(self, tenant: TenantRef, socket: Socket) -> None:
        """Serves the socket from now on."""
        self._feeds.setdefault(tenant.id, Feed(tenant)).add(socket)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="hub")

    def remove(self, tenant: TenantRef, socket: Socket) -> None:
        """Forgets the socket."""
        feed = self._feeds.get(tenant.id)
        if feed is None:
            return
        feed.remove(socket)
        if not feed.sockets:
            del self._feeds[tenant.id]

    async def _listen(self) -> None:
        """Passes hints on for as long as the process lives; reconnects when Redis was away."""
        while True:
            client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(CHANNEL)
                    async for message in subscription.listen():
                        self._hint(message["data"])
            except (RedisError, OSError) as error:
                _log.warning("hub.without_hints", error=type(error).__name__)
            finally:
                await client.aclose()
            await asyncio.sleep(0.5)

    def _hint(self, data: bytes) -> None:
        try:
            tenant_id = uuid.UUID(data[:36].decode())
        except ValueError:
            return
        feed = self._feeds.get(tenant_id)
        if feed is not None:
            feed.wake()


hub = Hub()

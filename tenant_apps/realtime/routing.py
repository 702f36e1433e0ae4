"""Routes of the sockets."""

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path, re_path

from tenant_apps.realtime.consumers import EventsConsumer


class UnknownSocket(AsyncWebsocketConsumer):
    """Answers every other path with a reason instead of an exception in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=4000, reason="there is no socket at this path")


websocket_application = URLRouter([path("ws/v1/events", EventsConsumer.as_asgi()), re_path(r"", UnknownSocket.as_asgi())])

"""The socket at /ws/v1/events: who connects, the hello frame, and the writer."""

import asyncio
import contextlib
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import structlog
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import parse_cookie
from kernel import metrics, tenancy
from kernel.problems import Problem
from kernel.tenancy import TenantRef
from kernel.threads import in_public, in_tenant
from rest_framework.exceptions import AuthenticationFailed
from shared_apps.accounts.authentication import ApiKeyAuthentication, restricted
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.selectors import live_keys, user_of_session

from tenant_apps.access.reach import access_of
from tenant_apps.realtime import selectors, tickets
from tenant_apps.realtime.hub import hub
from tenant_apps.realtime.sockets import CloseCode, Identity, Socket

HELLO_SECONDS = 10
MAX_FRAME = 4096
NEEDED = "events.event.read"
_log = structlog.get_logger(__name__)


class EventsConsumer(AsyncWebsocketConsumer):
    """Accepts, then closes with a code and a reason where something is wrong: browsers see no reason of a refused handshake."""

    tenant: TenantRef | None = None
    socket: Socket | None = None
    identity: Identity | None = None

    async def connect(self) -> None:
        await self.accept()
        metrics.SOCKETS.inc()
        host = self._header("host")
        origin = self._header("origin")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            await self._refuse(CloseCode.WRONG_ORIGIN, "the page of another origin may not connect")
            return
        self.tenant = await in_public(tenancy.resolve_host, host.rsplit(":", 1)[0].lower())
        if self.tenant is None:
            await self._refuse(CloseCode.SIGN_IN_AGAIN, "no organization answers on this host")
        elif self.tenant.is_outdated:
            await self._refuse(CloseCode.UPGRADING, "the organization is being upgraded, connect again later")
        elif not self.tenant.is_open:
            await self._refuse(CloseCode.SUSPENDED, "the organization is suspended")
        else:
            await self._identify(self.tenant, has_origin=bool(origin))

    async def _identify(self, tenant: TenantRef, *, has_origin: bool) -> None:
        ticket = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("ticket", [""])[0]
        cookie = parse_cookie(self._header("cookie")).get(settings.SESSION_COOKIE_NAME, "") if has_origin else ""
        bearer = self._header("authorization")
        self.identity = await in_tenant(tenant, _identity_of, ticket, cookie, bearer)
        if self.identity is None:
            await self._refuse(CloseCode.SIGN_IN_AGAIN, "sign in, or connect with a fresh socket ticket")
            return
        self._deadline = asyncio.get_running_loop().call_later(HELLO_SECONDS, lambda: asyncio.ensure_future(self._no_hello()))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.identity is None or self.tenant is None:
            return
        frame = _frame(text_data)
        if frame is None:
            await self._refuse(CloseCode.BAD_FRAME, "send JSON objects with a known type, at most 4 kB")
        elif frame["type"] == "ping":
            await self.send(text_data='{"v":1,"type":"pong"}')
        elif self.socket is None and frame["type"] == "hello":
            await self._hello(frame, self.tenant, self.identity)
        elif self.socket is None:
            await self._refuse(CloseCode.BAD_FRAME, "say hello first")
        else:
            self.socket.ticket_id = _uuid(frame.get("ticket"))

    async def _hello(self, frame: dict[str, Any], tenant: TenantRef, identity: Identity) -> None:  # Any: JSON
        since = frame.get("since", 0)
        if (
            not isinstance(since, int)
            or isinstance(since, bool)
            or not 0 <= since < 2**62
            or frame.get("format", "json") not in {"json", "html"}
        ):
            await self._refuse(CloseCode.BAD_FRAME, "hello takes since (a number) and format (json or html)")
            return
        is_gone, newest = await in_tenant(tenant, lambda: (selectors.is_too_old(since), selectors.newest_seq()))
        if is_gone or since > newest:
            await self.send(text_data=orjson.dumps({"v": 1, "type": "reset", "seq": newest}).decode())
            since = newest
        self.socket = Socket(identity=identity, format=frame.get("format", "json"), ticket_id=_uuid(frame.get("ticket")), last_seq=since)
        self._writer = asyncio.create_task(self._write(self.socket))
        hub.add(tenant, self.socket)

    async def _write(self, socket: Socket) -> None:
        """The only task that sends events, so that frames keep their order and a slow reader slows nobody else."""
        with contextlib.suppress(RuntimeError, OSError):  # the peer went away in the middle of a frame
            while (text := await socket.queue.get()) is not None:
                await self.send(text_data=text)
        if socket.closing is not None:
            await self._refuse(*socket.closing)

    async def _no_hello(self) -> None:
        if self.socket is None:
            await self._refuse(CloseCode.BAD_FRAME, "no hello within 10 seconds")

    async def _refuse(self, code: CloseCode, reason: str) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await self.close(code=code, reason=reason)

    async def disconnect(self, code: int) -> None:
        metrics.SOCKETS.dec()
        if deadline := getattr(self, "_deadline", None):
            deadline.cancel()
        if self.socket is not None and self.tenant is not None:
            hub.remove(self.tenant, self.socket)
            self._writer.cancel()
        raise StopConsumer

    def _header(self, name: str) -> str:
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == wanted), "")


def _identity_of(ticket: str, session_key: str, bearer: str) -> Identity | None:
    """Who this is, in the tenant in scope: by ticket, by API key, or by the page's session (only with an Origin header)."""
    user: User | None = None
    key_id: uuid.UUID | None = None
    if ticket:
        redeemed = tickets.redeem(ticket)
        if redeemed is None:
            return None
        user, key_id, session_key = User.objects.filter(pk=redeemed[0], is_active=True).first(), redeemed[1], ""
        key = live_keys([key_id]).first() if key_id else None
        if key_id and (key is None or user is None):
            return None
        user = restricted(user, key) if key is not None and user is not None else user
    elif bearer.lower().startswith("bearer "):
        user, key_id = _user_of_key(bearer[7:])
        session_key = ""
    elif session_key:
        user = user_of_session(session_key)
    if user is None:
        return None
    access = access_of(user)
    if NEEDED not in access.codes:
        return None
    return Identity(user_id=user.pk, access=access, language=user.language, session_key=session_key, key_id=key_id)


def _user_of_key(token: str) -> tuple[User | None, uuid.UUID | None]:
    try:
        user, key = ApiKeyAuthentication().authenticate_credentials(token.encode())
    except (AuthenticationFailed, Problem):
        return None, None
    return user, key.public_id if isinstance(key, ApiKey) else None


def _frame(text: str | None) -> dict[str, Any] | None:  # Any: JSON
    """The closed set of frames a client may send: hello, open, ping."""
    if text is None or len(text) > MAX_FRAME:
        return None
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return frame if isinstance(frame, dict) and frame.get("type") in {"hello", "open", "ping"} else None


def _uuid(value: Any) -> uuid.UUID | None:  # Any: JSON
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None

"""The feed of one tenant in one process: reads the log once for all its sockets."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import Iterable

import orjson
import structlog
from django.db import DatabaseError
from kernel import tenancy
from kernel.events import StoredEvent
from kernel.tenancy import TenantRef
from kernel.threads import in_public, in_tenant
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.selectors import live_keys, user_of_session

from tenant_apps.access.reach import NOTHING, Access, access_of, access_version
from tenant_apps.realtime import selectors
from tenant_apps.realtime.registry import fragments
from tenant_apps.realtime.sockets import CloseCode, Identity, Socket

TICK_SECONDS = 2.0
Rendering = tuple[str, uuid.UUID | None]
_log = structlog.get_logger(__name__)


class Feed:
    """Wakes by hints and, since hints may get lost, every two seconds; then also checks that each listener still may listen."""

    def __init__(self, tenant: TenantRef) -> None:
        self.tenant = tenant
        self.sockets: set[Socket] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Begins to serve the socket: first what it missed, then what comes."""
        self.sockets.add(socket)
        self.wake()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"feed {self.tenant.id}")

    def remove(self, socket: Socket) -> None:
        """Forgets the socket; an empty feed stops by itself."""
        self.sockets.discard(socket)
        self.wake()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while self.sockets:
            self._wake.clear()
            try:
                await self._advance()
                if loop.time() - checked >= TICK_SECONDS:
                    checked = loop.time()
                    await self._check_rights()
            except (DatabaseError, OSError) as error:
                _log.warning("feed.delayed", tenant=str(self.tenant.id), error=type(error).__name__)
                await asyncio.sleep(0.5)
                await self._find_again()
            except Exception:  # noqa: BLE001 (the socket edge: the clients reconnect and resume, silence would be worse)
                _log.exception("feed.failed", tenant=str(self.tenant.id))
                for socket in self.sockets:
                    socket.close(CloseCode.RESTARTING, "reconnect with your last number")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.05, checked + TICK_SECONDS - loop.time()))

    async def _find_again(self) -> None:
        """What failed may have failed because the tenant lives on another cluster now, or nowhere."""
        try:
            self.tenant = await in_public(tenancy.resolve_tenant, self.tenant.id)
        except tenancy.UnknownTenant:
            for socket in self.sockets:
                socket.close(CloseCode.SIGN_IN_AGAIN, "no organization answers on this host")
        except (DatabaseError, OSError) as error:
            _log.warning("feed.registry_away", tenant=str(self.tenant.id), error=type(error).__name__)

    async def _advance(self) -> None:
        """Brings every socket to the end of the log. Sockets that lag are served by the same reads as the others."""
        while True:
            active = [socket for socket in self.sockets if socket.closing is None]
            if not active:
                return
            start = min(socket.last_seq for socket in active)
            # Fixed before the read: a page may open another ticket while the thread works.
            kinds = {socket: (socket.identity.language, socket.ticket_id) for socket in active if socket.format == "html"}
            is_narrow = any(not selectors.sees_everything(socket.identity.access) for socket in active)
            batch = await in_tenant(self.tenant, _read, start, set(kinds.values()), is_narrow)
            newest = batch.newest
            for event in batch.events:
                self._deliver(event, active, kinds, batch)
            reached = batch.events[-1].seq if batch.events else newest
            for socket in active:
                if socket.last_seq < reached:
                    socket.last_seq = reached
                if not socket.is_ready and socket.last_seq >= newest:
                    socket.is_ready = True
                    socket.push(orjson.dumps({"v": 1, "type": "ready", "seq": socket.last_seq}).decode())
            if reached >= newest:
                return

    def _deliver(self, event: StoredEvent, active: Iterable[Socket], kinds: dict[Socket, Rendering], batch: "_Batch") -> None:
        as_json = ""
        for socket in active:
            if socket.last_seq >= event.seq:
                continue
            socket.last_seq = event.seq
            who = socket.identity
            if not selectors.may_see(who.user_id, who.access, event, batch.places):
                if selectors.has_lost(who.user_id, who.access, event, batch.places, batch.teams):
                    socket.push(_gone(event))
                continue
            if socket in kinds:
                socket.push(batch.rendered[event.seq, kinds[socket]])
            else:
                as_json = as_json or orjson.dumps(event.as_json()).decode()
                socket.push(as_json)

    async def _check_rights(self) -> None:
        """Cuts sockets whose tenant, user, session or key has ended, and refreshes what the others may see."""
        tenant = await in_public(tenancy.resolve_tenant, self.tenant.id)
        if tenant.is_outdated:
            for socket in self.sockets:
                socket.close(CloseCode.UPGRADING, "the organization is being upgraded, connect again later")
            return
        self.tenant = tenant  # a move to another cluster changes where the next read goes
        if not tenant.is_open:
            for socket in self.sockets:
                socket.close(CloseCode.SUSPENDED, "the organization is suspended")
            return
        rights = await in_tenant(self.tenant, _present_rights, [socket.identity for socket in self.sockets])
        for socket in self.sockets:
            access = rights.get(socket.identity)
            if access is None or not access.codes:
                socket.close(CloseCode.SIGN_IN_AGAIN, "your access has ended, sign in again")
            elif access != socket.identity.access:
                socket.identity = dataclasses.replace(socket.identity, access=access)


@dataclasses.dataclass(frozen=True, slots=True)
class _Batch:
    """The next events, the newest number, the renderings that the sockets need, and where the tickets stand if that matters."""

    events: list[StoredEvent]
    newest: int
    rendered: dict[tuple[int, Rendering], str]
    places: selectors.Places
    teams: dict[str, int]


def _read(start: int, wanted: set[Rendering], is_narrow: bool) -> _Batch:
    """Runs in a thread within the tenant."""
    newest = selectors.newest_seq()
    events = selectors.read_log(start, newest) if newest > start else []
    rendered = {(event.seq, kind): _html(event, *kind) for event in events for kind in wanted}
    if not events or not is_narrow:
        return _Batch(events, newest, rendered, {}, {})
    return _Batch(events, newest, rendered, selectors.places_of(events), selectors.team_keys())


def _gone(event: StoredEvent) -> str:
    """Takes the row of a ticket that has left the reader's reach from the list; says nothing else about it."""
    fragment = {"target": f"#row-{event.aggregate_id}", "swap": "delete", "html": ""}
    body = {
        "v": 1,
        "seq": event.seq,
        "type": "ticket.gone",
        "aggregate": {"type": "ticket", "id": str(event.aggregate_id)},
        "fragments": [fragment],
    }
    return orjson.dumps(body).decode()


def _html(event: StoredEvent, language: str, ticket_id: uuid.UUID | None) -> str:
    pieces = []
    for render in fragments.all().values():
        try:
            pieces += render(event, viewer_language=language, open_ticket=ticket_id)
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001 (the socket edge: one event that cannot be drawn must not stop the stream)
            _log.exception("fragment.failed", seq=event.seq, type=event.type)
    body = {
        "v": 1,
        "seq": event.seq,
        "type": event.type,
        "at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "fragments": [piece.as_json() for piece in pieces],
    }
    return orjson.dumps(body).decode()


def _present_rights(identities: list[Identity]) -> dict[Identity, Access]:
    """What each identity may do now; empty where its user, session or key is gone. Three queries for all of them and two a session."""
    users = {user.pk: user for user in User.objects.filter(pk__in={identity.user_id for identity in identities}, is_active=True)}
    key_ids = [identity.key_id for identity in identities if identity.key_id]
    keys: dict[uuid.UUID, ApiKey] = {key.public_id: key for key in live_keys(key_ids)} if key_ids else {}
    rights: dict[Identity, Access] = {}
    version = access_version()
    for identity in identities:
        user = users.get(identity.user_id)
        holds = user is not None and (not identity.key_id or identity.key_id in keys)
        if identity.session_key:
            holds = user is not None and user_of_session(identity.session_key) == user
        access = access_of(user, version=version) if holds and user is not None else NOTHING
        rights[identity] = access.limited(keys[identity.key_id].restrict) if holds and identity.key_id else access
    return rights

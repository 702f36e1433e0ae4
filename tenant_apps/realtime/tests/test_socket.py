"""The event socket: hello, resume, rights, refusals. Real commits, a real Redis, the ASGI application itself."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import connections
from kernel import tenancy
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.events.log import last_seq
from shared_apps.tenants import services as tenants
from shared_apps.tenants.models import Tenant

from tenant_apps.access import services as access
from tenant_apps.access.models import RoleAssignment
from tenant_apps.realtime import feed, tickets
from tenant_apps.realtime.hub import hub
from tenant_apps.realtime.routing import websocket_application
from tenant_apps.tickets.tests import factories

PATH = "/ws/v1/events"


class Listener(ApplicationCommunicator):
    """A client on a host, with what it sends along."""

    def __init__(self, host: str, query: str = "", **headers: str) -> None:
        sent = [(b"host", host.encode()), *((name.encode(), value.encode()) for name, value in headers.items())]
        scope = {"type": "websocket", "path": PATH, "query_string": query.removeprefix("?").encode(), "headers": sent, "subprotocols": []}
        super().__init__(websocket_application, scope)

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=5))["type"] == "websocket.accept"

    async def send_to(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def receive_from(self, timeout: float) -> str:
        output = await self.receive_output(timeout=timeout)
        assert output["type"] == "websocket.send", output
        return output["text"]

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=5)

    async def frame(self) -> dict[str, Any]:
        return json.loads(await self.receive_from(timeout=5))

    async def closed(self) -> tuple[int, str]:
        output = await self.receive_output(timeout=8)
        while output["type"] != "websocket.close":
            output = await self.receive_output(timeout=8)
        return output["code"], output.get("reason", "")

    async def ready(self, since: int, **hello: Any) -> list[dict[str, Any]]:
        """Says hello and returns the frames before `ready`."""
        await self.send_to(json.dumps({"type": "hello", "since": since, **hello}))
        frames = []
        while (frame := await self.frame())["type"] != "ready":
            frames.append(frame)
        return frames


def inside(tenant: tenancy.TenantRef, function: Callable[[], Any]) -> Any:
    def run() -> Any:
        try:
            with tenancy.tenant_scope(tenant):
                return function()
        finally:
            connections.close_all()

    return sync_to_async(run, thread_sensitive=False)()


def play(scenario: Callable[[], Any]) -> None:
    """Runs an async scenario with a hub of its own, since a hub belongs to one event loop."""
    hub.__init__()

    async def run() -> None:
        try:
            await scenario()
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    asyncio.run(run())


@pytest.fixture
def ticket_of(fresh_database) -> Callable[[tenancy.TenantRef, str], Any]:
    """`await ticket_of(tenant, email)` is a socket ticket for that user."""
    return lambda tenant, email: inside(tenant, lambda: tickets.issue(user_id=User.objects.get(email=email).pk, key_id=None))


def test_missed_events_come_first_and_in_order_then_new_ones(ticket_of, acme):
    async def scenario():
        start = await inside(acme, last_seq)
        await inside(acme, factories.ticket)
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        missed = await listener.ready(start)
        await inside(acme, factories.ticket)
        live = [await listener.frame() for _ in range(2)]

        numbers = [frame["seq"] for frame in missed + live]
        assert numbers == sorted(set(numbers))
        assert "ticket.created" in {frame["type"] for frame in missed}
        assert {"v", "seq", "id", "type", "version", "aggregate", "actor", "at", "data"} == set(live[0])
        await listener.disconnect()

    play(scenario)


def test_events_of_another_tenant_never_arrive(ticket_of, acme, globex):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        await inside(globex, factories.ticket)

        assert await listener.receive_nothing(timeout=1)
        await listener.disconnect()

    play(scenario)


def test_a_ticket_works_once_and_on_its_tenant_only(ticket_of, acme, globex):
    async def scenario():
        ticket = await ticket_of(acme, "ana@acme.example")
        foreign = Listener(globex.host, f"?ticket={ticket}")
        await foreign.connect()
        assert (await foreign.closed())[0] == 4001
        first, second = Listener(acme.host, f"?ticket={ticket}"), Listener(acme.host, f"?ticket={ticket}")
        await first.connect()
        await first.ready(0)
        await second.connect()
        assert (await second.closed())[0] == 4001
        await first.disconnect()

    play(scenario)


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("", {}, 4001),
        ("?ticket=forged", {}, 4001),
        ("", {"origin": "http://evil.example"}, 4004),
        ("", {"authorization": "Bearer atk_x"}, 4001),
    ],
)
def test_a_stranger_is_closed_with_a_code_and_a_reason(fresh_database, acme, query, headers, code):
    async def scenario():
        listener = Listener(acme.host, query, **headers)
        await listener.connect()
        closed = await listener.closed()
        assert closed[0] == code
        assert closed[1]

    play(scenario)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        '{"type": "shell"}',
        '{"type": "open", "ticket": null}',
        '{"type": "hello", "since": -1}',
        '{"type": "hello", "since": true}',
        "x" * 5000,
    ],
)
def test_a_frame_we_do_not_know_closes_the_socket(ticket_of, acme, text):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.send_to(text)
        assert (await listener.closed())[0] == 4000

    play(scenario)


def test_a_number_from_the_future_resets(ticket_of, acme):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        frames = await listener.ready(10**9)
        assert frames == [{"v": 1, "type": "reset", "seq": await inside(acme, last_seq)}]
        await listener.disconnect()

    play(scenario)


def test_a_deactivated_user_is_cut_within_five_seconds(ticket_of, acme):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        await inside(acme, lambda: accounts.deactivate_user(user=User.objects.get(email="ana@acme.example")))
        assert (await asyncio.wait_for(listener.closed(), 5))[0] == 4001

    play(scenario)


def test_a_lost_role_is_cut_within_five_seconds(ticket_of, acme):
    def withdraw_everything():
        ana, ada = User.objects.get(email="ana@acme.example"), User.objects.get(email="ada@acme.example")
        for row in RoleAssignment.objects.filter(user=ana):
            access.withdraw_role(by=ada, assignment=row)

    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        await inside(acme, withdraw_everything)
        assert (await asyncio.wait_for(listener.closed(), 5))[0] == 4001

    play(scenario)


def test_a_suspended_tenant_is_cut(ticket_of, acme):
    def suspend():
        with tenancy.public_scope():
            tenants.suspend_tenant(tenant=Tenant.objects.get(public_id=acme.id))

    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        await sync_to_async(suspend, thread_sensitive=False)()
        assert (await asyncio.wait_for(listener.closed(), 7))[0] == 4003

    play(scenario)


def test_an_html_listener_gets_fragments(ticket_of, acme):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq), format="html")
        await inside(acme, factories.ticket)
        frames = [await listener.frame() for _ in range(2)]
        while not any(frame["fragments"] for frame in frames):
            frames.append(await listener.frame())
        assert "Brake rubs" in "".join(piece["html"] for frame in frames for piece in frame["fragments"])
        await listener.disconnect()

    play(scenario)


def test_opening_another_ticket_in_the_middle_of_a_read_hurts_nobody(ticket_of, acme):
    """The page says which ticket it shows at any moment, also between the reading of an event and its delivery."""

    async def scenario():
        pages = [Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}") for _ in range(2)]
        start = await inside(acme, last_seq)
        for page in pages:
            await page.connect()
            await page.ready(start, format="html")
        for number in range(40):
            await pages[0].send_to(json.dumps({"type": "open", "ticket": str(uuid.UUID(int=number))}))
            if number % 8 == 0:
                await inside(acme, factories.ticket)
        end = await inside(acme, last_seq)
        for page in pages:
            while (await page.frame())["seq"] < end:
                pass
            await page.disconnect()

    play(scenario)


def test_a_feed_that_breaks_closes_its_sockets_so_that_they_reconnect(ticket_of, acme, monkeypatch):
    async def scenario():
        listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        monkeypatch.setattr(feed, "_read", lambda *_: 1 / 0)
        assert (await listener.closed())[0] == 4012

    play(scenario)


def test_two_hundred_events_reach_every_reconnecting_listener_once(ticket_of, acme):
    """Cuts the socket again and again while events are written; the client goes on with its last number."""

    async def scenario():
        start = await inside(acme, last_seq)
        seen: list[int] = []

        async def write():
            for _ in range(25):
                await inside(acme, factories.ticket)

        async def listen():
            last = start
            while len(seen) < 1 or last < await inside(acme, last_seq) or not writer.done():
                listener = Listener(acme.host, f"?ticket={await ticket_of(acme, 'ana@acme.example')}")
                await listener.connect()
                for frame in await listener.ready(last):
                    seen.append(frame["seq"])
                    last = frame["seq"]
                if not await listener.receive_nothing(timeout=0.05):
                    frame = await listener.frame()
                    seen.append(frame["seq"])
                    last = frame["seq"]
                await listener.disconnect()

        writer = asyncio.create_task(write())
        await asyncio.wait_for(listen(), 60)
        end = await inside(acme, last_seq)
        assert seen == list(range(start + 1, end + 1))

    play(scenario)


def test_the_event_list_says_how_far_it_reaches(api_client, acme):
    with tenancy.tenant_scope(acme):
        start = last_seq()
        factories.ticket()
        end = last_seq()

    first = api_client.get(f"/api/v1/events?since={start}&limit=2").json()
    rest = api_client.get(f"/api/v1/events?since={first['last_seq']}").json()

    assert [event["seq"] for event in first["results"] + rest["results"]] == list(range(start + 1, end + 1))
    assert (first["has_more"], rest["has_more"], rest["last_seq"]) == (True, False, end)
    assert api_client.get("/api/v1/events?since=-1").status_code == 422


def test_events_never_carry_bodies(api_client, acme):
    with tenancy.tenant_scope(acme):
        factories.incoming(factories.conversation(), text="my secret address is 12 High Street")

    assert "High Street" not in api_client.get("/api/v1/events").content.decode()

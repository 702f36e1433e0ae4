"""The gateway routes, frames and forwards, and a restarting application is a pause."""

import asyncio
import contextlib

import pytest

from infra.dev import gateway, ports


@pytest.mark.parametrize(
    ("head", "is_socket"),
    [
        (b"GET /ws/v1/events HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", True),
        (b"GET /ws/v1/events HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"GET /api/v1/tickets HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", False),
    ],
)
def test_only_upgrades_below_ws_go_to_live(head, is_socket):
    assert gateway.parse_head(head, "127.0.0.1").is_socket is is_socket


def test_what_a_client_says_about_itself_is_replaced():
    raw = gateway.parse_head(b"GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n\r\n", "10.0.0.1").raw

    assert b"9.9.9.9" not in raw
    assert b"X-Forwarded-For: 10.0.0.1\r\n" in raw
    assert b"X-Forwarded-Proto: http\r\n" in raw


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ],
)
def test_a_head_two_readers_could_read_differently_is_refused(head):
    with pytest.raises(gateway.BadRequest):
        gateway.parse_head(head, "127.0.0.1")


async def echo(reader, writer):
    """A tiny application: answers each request with its method, path and body length, keeping the connection."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            if b"chunked" in head:
                while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                    length += size
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            elif b"Content-Length: " in head:
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
            body = head.split(b" HTTP")[0] + b" %d" % length
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def ask(port, *requests):
    """Sends requests one after another on one connection; returns the bodies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bodies = []
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        bodies.append(await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])))
    writer.close()
    return bodies


@contextlib.asynccontextmanager
async def running(web_port, live_port):
    door = gateway.Gateway(web_port=web_port, live_port=live_port)
    server = await asyncio.start_server(door.accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await door.close()


def test_requests_of_one_connection_are_framed_one_by_one():
    async def scenario():
        application = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with application, running(application.sockets[0].getsockname()[1], 1) as port:
            return await ask(
                port,
                b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n",
                b"POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000,
                b"POST /three HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n",
                b"GET /four HTTP/1.1\r\nHost: a\r\n\r\n",
            )

    assert asyncio.run(scenario()) == [b"GET /one 0", b"POST /two 70000", b"POST /three 8", b"GET /four 0"]


async def refuse(reader, writer):
    """An application that answers before it has read the body, and hangs up."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig!")
    await writer.drain()
    writer.write_eof()
    await reader.read(1000)
    writer.transport.abort()


def test_a_refusal_before_the_end_of_the_body_reaches_the_client():
    async def scenario():
        application = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with application, running(application.sockets[0].getsockname()[1], 1) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(300):
                    writer.write(b"x" * 100_000)
                    await writer.drain()
            answer = await reader.readuntil(b"big!")
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 413 ")


def test_a_restarting_application_is_a_pause():
    async def scenario():
        web_port = ports.free_port()
        async with running(web_port, 1) as port:
            asking = asyncio.create_task(ask(port, b"GET /soon HTTP/1.1\r\nHost: a\r\n\r\n"))
            await asyncio.sleep(0.3)
            async with await asyncio.start_server(echo, "127.0.0.1", web_port):
                return await asking

    assert asyncio.run(scenario()) == [b"GET /soon 0"]


def test_an_application_that_stays_away_is_a_problem(monkeypatch):
    monkeypatch.setattr(gateway, "CONNECT_SECONDS", 0.1)

    async def scenario():
        async with running(ports.free_port(), 1) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    answer = asyncio.run(scenario())
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"application/problem+json" in answer

"""The front door of `make up`: one port, sockets to the live process, everything else to the web process."""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024
IDLE_SECONDS = 120.0
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 5.0
SWALLOW_SECONDS = 2.0
_CHUNK = 64 * 1024
_FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded")


class BadRequest(Exception):
    """The head cannot be understood; `status` says why."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class _UpstreamGone(Exception):
    """The application closed before it had read the whole body."""


@dataclass(frozen=True)
class Head:
    """A request head: where it goes, how long its body is, and its bytes as they are sent on."""

    is_socket: bool
    length: int
    is_chunked: bool
    raw: bytes


def parse_head(raw: bytes, peer: str) -> Head:
    """Reads a head and replaces what it says about the sender by what the connection says."""
    lines = raw[:-4].split(b"\r\n")
    parts = lines[0].split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
        raise BadRequest("400 Bad Request")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines[1:])]
    kept = [line for line, (name, _) in zip(lines[1:], fields, strict=True) if name not in _FORWARDED]
    kept += [b"X-Forwarded-For: " + peer.encode(), b"X-Forwarded-Proto: http"]
    known = dict(fields)
    lengths = {value for name, value in fields if name == b"content-length"}
    is_chunked = known.get(b"transfer-encoding", b"").lower() == b"chunked"
    if len(lengths) > 1 or (lengths and b"transfer-encoding" in known) or not all(value.isdigit() for value in lengths):
        raise BadRequest("400 Bad Request")
    is_upgrade = known.get(b"upgrade", b"").lower() == b"websocket"
    return Head(
        is_socket=is_upgrade and parts[1].startswith(b"/ws/"),
        length=int(lengths.pop()) if lengths else 0,
        is_chunked=is_chunked,
        raw=b"\r\n".join([lines[0], *kept]) + b"\r\n\r\n",
    )


class Gateway:
    """Relays connections. Requests are framed one by one, answers are copied as they come."""

    def __init__(self, *, web_port: int, live_port: int) -> None:
        self.web_port, self.live_port = web_port, live_port
        self._open: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until either side ends it."""
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            pass  # either side went away, or sent what cannot be framed
        except BadRequest as refusal:
            await _answer(writer, refusal.status, "bad-request", "The request cannot be understood")
        finally:
            if task is not None:
                self._open.discard(task)
            await _close(writer)

    async def close(self) -> None:
        """Ends all connections."""
        for task in [*self._open]:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        upstream: asyncio.StreamWriter | None = None
        answers: asyncio.Task[None] | None = None
        port = 0
        try:
            while True:
                raw = await self._head(reader, answers)
                if raw is None:
                    return
                head = parse_head(raw, peer)
                wanted = self.live_port if head.is_socket else self.web_port
                if upstream is None or wanted != port or answers is None or answers.done():
                    await _end(answers, upstream)
                    opened = await self._connect(wanted)
                    if opened is None:
                        await _answer(writer, "502 Bad Gateway", "bad-gateway", "The application does not answer; it may be starting")
                        return
                    port, upstream = wanted, opened[1]
                    answers = asyncio.create_task(_copy(opened[0], writer))
                upstream.write(head.raw)
                if head.is_socket:
                    await _until_either(answers, asyncio.create_task(_copy(reader, upstream)))
                    return
                try:
                    await _relay_body(reader, upstream, head)
                except _UpstreamGone:
                    await _finish_early(answers, reader)
                    return
        finally:
            await _end(answers, upstream)

    async def _head(self, reader: asyncio.StreamReader, answers: "asyncio.Task[None] | None") -> bytes | None:
        """The next head, or None when the client, or the application after its answer, closed the connection."""
        reading = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        waiting = {reading} if answers is None else {reading, answers}
        try:
            await asyncio.wait(waiting, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return None
            return reading.result()
        except asyncio.LimitOverrunError as error:
            raise BadRequest("431 Request Header Fields Too Large") from error
        except asyncio.IncompleteReadError:
            return None
        finally:
            reading.cancel()

    @staticmethod
    async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connects; a refusal is tried again for ten seconds, so that a restart is a pause and not an error."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=_CHUNK)
            except OSError:
                if time.monotonic() > deadline:
                    return None
                await asyncio.sleep(0.05)


async def _relay_body(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, head: Head) -> None:
    if head.is_chunked:
        await _relay_chunks(reader, upstream)
        return
    left = head.length
    while left:
        block = await reader.read(min(left, _CHUNK))
        if not block:
            raise ConnectionResetError
        left -= len(block)
        await _pass_on(upstream, block)


async def _pass_on(upstream: asyncio.StreamWriter, block: bytes) -> None:
    """Writes to the application. Raises _UpstreamGone where it has closed already."""
    try:
        upstream.write(block)
        await upstream.drain()
    except OSError as error:
        raise _UpstreamGone from error


async def _finish_early(answers: "asyncio.Task[None]", reader: asyncio.StreamReader) -> None:
    """Lets a refusal that came before the whole body reach the client, and reads on meanwhile: closing on unread bytes would
    reset the connection, and the client would never see the answer."""
    await asyncio.wait([answers], timeout=ANSWER_SECONDS)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(SWALLOW_SECONDS):
            while await reader.read(_CHUNK):
                pass


async def _relay_chunks(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    while True:
        line = await reader.readuntil(b"\r\n")
        await _pass_on(upstream, line)
        size = int(line.split(b";")[0].strip(), 16)
        if size == 0:
            while line != b"\r\n":
                line = await reader.readuntil(b"\r\n")
                await _pass_on(upstream, line)
            return
        left = size + 2
        while left:
            block = await reader.read(min(left, _CHUNK))
            if not block:
                raise ConnectionResetError
            left -= len(block)
            await _pass_on(upstream, block)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_CHUNK):
            writer.write(block)
            await writer.drain()


async def _until_either(*tasks: "asyncio.Task[None]") -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _end(answers: "asyncio.Task[None] | None", upstream: asyncio.StreamWriter | None) -> None:
    if answers is not None:
        answers.cancel()
        await asyncio.gather(answers, return_exceptions=True)
    if upstream is not None:
        await _close(upstream)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 2)


async def _answer(writer: asyncio.StreamWriter, status: str, slug: str, detail: str) -> None:
    code, _, title = status.partition(" ")
    body = json.dumps({"type": f"/problems/{slug}", "title": title, "status": int(code), "detail": detail}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        writer.write(head.encode() + body)
        await writer.drain()


async def serve(*, port: int, web_port: int, live_port: int, hosts: list[str]) -> None:
    """Listens until SIGTERM or SIGINT. The first host must be free; others (IPv6 loopback) are used where there are any."""
    gateway = Gateway(web_port=web_port, live_port=live_port)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    servers = []
    for number, host in enumerate(hosts):
        try:
            servers.append(await asyncio.start_server(gateway.accept, host, port, limit=HEAD_LIMIT, backlog=512))
        except OSError:
            if number == 0:
                raise
    await stop.wait()
    for server in servers:
        server.close()
    await gateway.close()


def main(arguments: list[str] | None = None) -> int:
    """Command line of the gateway process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--web-port", type=int, required=True)
    parser.add_argument("--live-port", type=int, required=True)
    parser.add_argument("--host", action="append", default=[])
    options = parser.parse_args(arguments)
    hosts = options.host or ["127.0.0.1", "::1"]
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(serve(port=options.port, web_port=options.web_port, live_port=options.live_port, hosts=hosts))
    return 0


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where the platform has it."""
    return importlib.import_module("uvloop").new_event_loop if importlib.util.find_spec("uvloop") else None


if __name__ == "__main__":
    sys.exit(main())

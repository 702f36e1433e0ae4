"""Keeps a set of programs running: one prefixed log, restarts with back-off, a clean stop, and a state file."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import psutil

from infra.dev import folders

MARK = "ATENDE_SUPERVISED_IN"
_BACK_OFF = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
_COLOURS = (36, 35, 33, 32, 34, 96, 95, 93, 92, 94)
_SETTLED_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Program:
    """One child: how to start it, how to stop it, and what became of it."""

    name: str
    command: Callable[[], list[str]]
    environment: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: keyword arguments of subprocess
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 8.0
    before_start: Callable[[], None] | None = None
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    started_at: float = 0.0
    task: asyncio.Task[None] | None = None
    output: asyncio.Task[None] | None = None


class Supervisor:
    """Owns the children of one data folder."""

    def __init__(self, folder: Path, *, facts: Mapping[str, object] | None = None) -> None:
        self.folder = folder
        self.facts: dict[str, object] = dict(facts or {})
        self.programs: dict[str, Program] = {}
        self.is_stopping = False
        self._has_colour = sys.stdout.isatty() or "FORCE_COLOR" in os.environ
        self._files: dict[str, TextIO] = {}

    # --- children ----------------------------------------------------------------------------------------------------
    async def start(self, program: Program) -> None:
        """Starts a child and keeps it running until `stop`."""
        self.programs[program.name] = program
        await self._spawn(program)
        program.task = asyncio.create_task(self._keep(program))

    async def stop(self, names: list[str]) -> None:
        """Stops the named children together; what does not end in its time is killed with its whole group."""
        await asyncio.gather(*(self._stop_one(self.programs[name]) for name in names if name in self.programs))
        self.write_state()

    async def _spawn(self, program: Program) -> None:
        if program.before_start is not None:
            await asyncio.to_thread(program.before_start)
        options = {"cwd": str(folders.ROOT), **program.options}
        reading, writing = os.pipe()  # our own pipe: asyncio's would hide the child's end while a grandchild holds it open
        try:
            program.process = await asyncio.create_subprocess_exec(
                *program.command(),
                env={**program.environment, MARK: str(self.folder)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **options,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        program.output = asyncio.create_task(self._copy_output(program.name, reading))
        program.started_at = time.monotonic()
        self.write_state()

    async def _keep(self, program: Program) -> None:
        failures = 0
        while True:
            process = program.process
            if process is None:
                return
            code = await process.wait()
            kill_group(process.pid)
            await _finish(program.output)
            if self.is_stopping:
                return
            failures = 0 if time.monotonic() - program.started_at > _SETTLED_SECONDS else failures + 1
            delay = _BACK_OFF[min(max(failures - 1, 0), len(_BACK_OFF) - 1)]
            program.restarts += 1
            self.say("supervisor", f"{program.name} ended ({_told(code)}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            await self._spawn_again(program)

    async def _spawn_again(self, program: Program) -> None:
        try:
            if not self.is_stopping:
                await self._spawn(program)
        except Exception as error:  # noqa: BLE001 (whatever keeps a child from starting is told and tried again)
            self.say("supervisor", f"{program.name} does not start: {error}")
            await asyncio.sleep(_BACK_OFF[-1])
            await self._spawn_again(program)

    async def _stop_one(self, program: Program) -> None:
        process = program.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(program.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), program.stop_seconds)
            except TimeoutError:
                self.say("supervisor", f"{program.name} does not stop in {program.stop_seconds:g} s and is killed")
        if process is not None:
            kill_group(process.pid)
            await process.wait()
            await _finish(program.output)
        if program.task is not None:
            program.task.cancel()
            await asyncio.gather(program.task, return_exceptions=True)

    # --- log ---------------------------------------------------------------------------------------------------------
    async def _copy_output(self, name: str, descriptor: int) -> None:
        """Copies lines until nobody can write any more."""
        reader = asyncio.StreamReader(limit=1024 * 1024)
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            while line := await _line(reader):
                self.say(name, line.decode(errors="replace").rstrip())
        finally:
            transport.close()

    def say(self, name: str, text: str) -> None:
        """Writes one line to the child's own log file and, prefixed, to our output."""
        with contextlib.suppress(OSError, ValueError):
            self._file(name).write(text + "\n")
            self._file(name).flush()
        prefix = f"{name:<10} │ "
        if self._has_colour:
            known = [*self.programs]
            colour = _COLOURS[known.index(name) % len(_COLOURS)] if name in known else 90
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        with contextlib.suppress(OSError, ValueError):
            print(prefix + text, flush=True)

    def _file(self, name: str) -> TextIO:
        if name not in self._files:
            path = self.folder / "logs" / f"{name}.log"
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            self._files[name] = path.open("w", encoding="utf-8")
        return self._files[name]

    # --- state -------------------------------------------------------------------------------------------------------
    def write_state(self) -> None:
        """Tells other processes (`make down`, tests) who runs where."""
        children = {
            name: {"pid": program.process.pid if program.process else None, "restarts": program.restarts}
            for name, program in self.programs.items()
        }
        folders.write_json(self.folder / "state.json", {"supervisor": os.getpid(), **self.facts, "children": children})


def die_with_parent() -> None:
    """Runs in the child: it is told to end when the supervisor is gone, however that went (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def kill_group(pid: int) -> None:
    """Ends what a dead child left behind: each child leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_leftovers(folder: Path) -> int:
    """Ends the processes a killed supervisor of this very folder left behind; tells how many there were."""
    found = [process for process in psutil.process_iter() if process.pid != os.getpid() and _belongs_to(process, folder)]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    for process in psutil.wait_procs(found, timeout=15)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=5)
    return len(found)


def _belongs_to(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(folder))
    except (psutil.Error, OSError):
        return False


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # longer than the limit
        return b"(a line too long to show)"


async def _finish(output: "asyncio.Task[None] | None") -> None:
    """Lets the last lines through; the pipe closes when the whole group is gone."""
    if output is not None:
        await asyncio.wait({output}, timeout=1)
        output.cancel()


def _told(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"

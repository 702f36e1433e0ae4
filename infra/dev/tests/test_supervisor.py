"""The supervisor restarts what dies, stops what runs, and ends what a killed one left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from infra.dev.supervisor import MARK, Program, Supervisor, end_leftovers

SLEEPER = "import time; print('begun', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begun', flush=True); time.sleep(600)"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path


def program(code, **options):
    return Program(name="child", command=lambda: [sys.executable, "-c", code], environment=dict(os.environ), **options)


async def until(condition, *, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def pid_of(supervisor):
    return supervisor.programs["child"].process.pid


def test_a_killed_child_comes_back_and_its_own_children_are_gone(folder):
    async def scenario():
        supervisor = Supervisor(folder)
        await supervisor.start(program(PARENT))
        log = folder / "logs" / "child.log"
        await until(lambda: log.exists() and log.read_text().count("begun") == 2)
        first = pid_of(supervisor)
        [grandchild] = psutil.Process(first).children()
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(supervisor) != first)
        await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)
        state = json.loads((folder / "state.json").read_text())
        second = pid_of(supervisor)
        supervisor.is_stopping = True
        await supervisor.stop(["child"])
        return state, second

    state, second = asyncio.run(scenario())

    assert state["children"]["child"] == {"pid": second, "restarts": 1}
    assert not psutil.pid_exists(second)


def test_a_child_that_ignores_the_stop_is_killed_after_its_time(folder):
    async def scenario():
        supervisor = Supervisor(folder)
        await supervisor.start(program(STUBBORN, stop_seconds=0.3))
        await until(lambda: (folder / "logs" / "child.log").exists())
        pid = pid_of(supervisor)
        supervisor.is_stopping = True
        await supervisor.stop(["child"])
        return pid

    assert not psutil.pid_exists(asyncio.run(scenario()))


def test_leftovers_of_this_folder_are_ended_and_nothing_else(folder, tmp_path):
    ours = subprocess.Popen([sys.executable, "-c", SLEEPER], env={**os.environ, MARK: str(folder)}, stdout=subprocess.DEVNULL)
    other = subprocess.Popen([sys.executable, "-c", SLEEPER], env={**os.environ, MARK: str(tmp_path / "other")}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while MARK not in psutil.Process(ours.pid).environ() and time.monotonic() < deadline:
            time.sleep(0.02)

        assert end_leftovers(folder) == 1

        assert ours.wait(5) is not None
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()

"""The pytest plugin that gives a run its own servers; loaded by `-p` before Django reads its settings."""

import atexit
import os
import sys

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from infra.testing.clusters import is_run_on_second
from infra.testing.servers import RunningServers, ServerFacts

_OWNS_SERVERS = "PYTEST_XDIST_WORKER" not in os.environ
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
DATABASE_NAME = f"test_{WORKER}"
_STACK_SUITES = ("platform/tests/e2e/", "platform/tests/faults/test_kill_storm.py", "platform/tests/fuzz/")
_running: list[RunningServers] = []


def _choose() -> ServerFacts:
    facts = None if _OWNS_SERVERS else ServerFacts.from_environment()
    facts = facts or ServerFacts.choose()
    number = int(WORKER.removeprefix("gw")) + 1 if WORKER.startswith("gw") else 0
    os.environ.update(facts.environment(DATABASE_NAME, redis_database=number % 16))
    return facts


FACTS = _choose()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Starts the servers in the process that owns the run, before any worker begins."""
    if not _OWNS_SERVERS or session.config.option.collectonly:
        return
    servers = RunningServers(FACTS)
    _running.append(servers)
    servers.start()


def _stop() -> None:
    (_running.pop() if _running else RunningServers(FACTS)).stop()


if _OWNS_SERVERS:
    atexit.register(_stop)  # whatever way the run ends


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs the whole system and what needs a browser."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        wants_rows = bool({"db", "database"} & set(fixtures)) or item.get_closest_marker("django_db") is not None
        if is_run_on_second() and wants_rows and "fresh_database" not in fixtures:
            item.add_marker(pytest.mark.django_db(databases="__all__"), append=False)
        if "stack" in fixtures:
            item.add_marker(pytest.mark.stack)
        if "browser" in fixtures:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Takes the place of xdist's own."""
    return SharedStackScheduling(config, log)


class SharedStackScheduling(LoadScopeScheduling):
    """The tests that need the whole system go to one worker, first; every other test goes where there is room.

    xdist's `loadgroup` would do, but marks nodes in a way that pytest 9 no longer has.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith(_STACK_SUITES) else nodeid


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Puts what tests counted (the property `counted`) under the run, also from other workers: a suite that did nothing shows."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports if isinstance(report, pytest.TestReport)]
    for line in [value for report in reports if report.when == "call" for name, value in report.user_properties if name == "counted"]:
        terminalreporter.write_line(f"counted  {line}")


def pytest_report_header() -> str:
    """Says where the servers are, for a look at them while a test waits."""
    return f"servers: PostgreSQL {FACTS.postgres_port}, Valkey {FACTS.valkey_port}, Python {sys.version.split()[0]}"

"""Fixtures of the suites that run the whole system."""

from collections.abc import Iterator

import pytest
from infra.testing.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole system with demonstration data, once per run; tests that break it leave it as they found it."""
    running = Stack()
    running.start()
    yield running
    running.stop()

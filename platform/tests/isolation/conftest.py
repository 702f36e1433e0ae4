"""Which form of the suite runs, and the counts that stand at the end of the run."""

import os
from collections.abc import Callable

import pytest

IS_FULL = os.environ.get("ATENDE_ISOLATION") == "full"


@pytest.fixture(scope="session")
def is_full() -> bool:
    """Whether the long form was asked for."""
    return IS_FULL


@pytest.fixture
def counted(record_property) -> Callable[..., None]:
    """`counted("crawl", calls=1200)` puts a line under the run's summary; see the test plugin."""
    return lambda name, **numbers: record_property(
        "counted", f"{name}: " + ", ".join(f"{number} {label.replace('_', ' ')}" for label, number in numbers.items())
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long form takes minutes."""
    if IS_FULL:
        for item in items:
            if "platform/tests/isolation/" in item.nodeid:
                item.add_marker(pytest.mark.timeout(1800), append=False)

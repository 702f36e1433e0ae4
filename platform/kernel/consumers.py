"""Reactions to events: functions that apps register in their `handlers.py`, run by named cursors over the log."""

import dataclasses
import functools
from collections.abc import Callable
from typing import TypeVar

from django.utils.module_loading import autodiscover_modules

from kernel.events import Event, StoredEvent

Handler = Callable[[StoredEvent], None]
H = TypeVar("H", bound=Handler)


@dataclasses.dataclass(slots=True)
class ConsumerSpec:
    """A consumer's name and what it does with each event type it asked for."""

    name: str
    handlers: dict[str, list[Handler]] = dataclasses.field(default_factory=dict)


_consumers: dict[str, ConsumerSpec] = {}


def on(*event_types: type[Event], consumer: str) -> Callable[[H], H]:
    """Registers a handler: called for each event of these types, in order, at least once, in a unit of work of its own.

    A handler must be idempotent: a second call with the same event changes nothing.
    """

    def add(handler: H) -> H:
        spec = _consumers.setdefault(consumer, ConsumerSpec(name=consumer))
        for event_type in event_types:
            handlers = spec.handlers.setdefault(event_type.type, [])
            if handler not in handlers:
                handlers.append(handler)
        return handler

    return add


def all_consumers() -> dict[str, ConsumerSpec]:
    """Every consumer, after importing each installed app's `handlers.py`."""
    autodiscover_modules("handlers")
    return dict(_consumers)


@functools.cache
def consumed_types() -> frozenset[str]:
    """Every event type that some consumer asked for."""
    return frozenset(event_type for spec in all_consumers().values() for event_type in spec.handlers)

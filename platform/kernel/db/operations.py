"""Migration operations of our own: the rows that every tenant starts with."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

from django.db import migrations

_is_seeding: contextvars.ContextVar[bool] = contextvars.ContextVar("is_seeding", default=False)


class SeedRows(migrations.RunPython):
    """Inserts rows that belong to every tenant, by a function like that of `RunPython`. It does nothing backwards.

    It runs where a schema is built from nothing, and once more on the scratch schema that a fleet script is derived on. Existing
    tenants get its INSERT statements, and where a row of the same key exists already that row is kept. So it may only insert,
    without primary keys or references; what needs to look at a tenant's data is a data change (`shared_apps.tenants.registry`).
    """

    def __init__(self, code: Callable[..., None]) -> None:
        super().__init__(code, migrations.RunPython.noop, elidable=False)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:  # Any: Django's signature
        return (self.__class__.__qualname__, [self.code], {})

    def database_forwards(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        with _seeding():
            super().database_forwards(*args, **kwargs)


def is_seeding() -> bool:
    """Whether the statement that runs now belongs to a `SeedRows`."""
    return _is_seeding.get()


@contextlib.contextmanager
def _seeding() -> Iterator[None]:
    token = _is_seeding.set(True)
    try:
        yield
    finally:
        _is_seeding.reset(token)

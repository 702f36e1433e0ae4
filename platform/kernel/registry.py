"""A typed registry of plug-ins: found by importing a folder, refused when a slug stands twice."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DuplicateSlug(RuntimeError):
    """Two plug-ins claim one slug; the process must not start."""


class Registry(Generic[T]):
    """Maps slugs to items of one kind, in the order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def register(self, slug: str) -> Callable[[T], T]:
        """Decorator. Raises DuplicateSlug when the slug belongs to something else already."""

        def add(item: T) -> T:
            known = self._items.get(slug)
            if known is not None and _origin(known) != _origin(item):
                raise DuplicateSlug(f"{self.kind} {slug!r} is registered twice")
            self._items[slug] = item
            return item

        return add

    def get(self, slug: str) -> T:
        """The item. Raises KeyError, which the caller turns into a problem of its own."""
        return self._items[slug]

    def find(self, slug: str) -> T | None:
        """The item or None."""
        return self._items.get(slug)

    def all(self) -> dict[str, T]:
        """A copy of the whole map."""
        return dict(self._items)

    def autodiscover(self, package: str) -> None:
        """Imports every module of the package once, so that their decorators run."""
        module = importlib.import_module(package)
        for info in pkgutil.iter_modules(module.__path__):
            importlib.import_module(f"{package}.{info.name}")


def _origin(item: object) -> tuple[str, str]:
    kind = item if isinstance(item, type) or callable(item) else type(item)
    return (getattr(kind, "__module__", ""), getattr(kind, "__qualname__", ""))

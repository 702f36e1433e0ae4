"""Scopes of API keys: a resource, and whether it may only be read. Pure functions over permission codes `area.resource.action`."""

import re
from collections.abc import Iterable
from typing import Final

EVERYTHING: Final = "*"
_SCOPE: Final = re.compile(r"([a-z_]+\.[a-z_]+):(read|write)")
_READING: Final = ("read", "view", "list")


def every_scope() -> list[str]:
    """The scopes of a key that may do all that its user may."""
    return [EVERYTHING]


def is_reading(code: str) -> bool:
    """Whether a permission only lets see: its action begins with `read`, `view` or `list`. Taking data out is more than that."""
    return code.rsplit(".", 1)[-1].startswith(_READING)


def resource_of(code: str) -> str:
    """`area.resource` of a code."""
    return code.rsplit(".", 1)[0]


def resources(codes: Iterable[str]) -> list[str]:
    """The resources that codes speak of, by name."""
    return sorted({resource_of(code) for code in codes})


def codes_in_scopes(codes: frozenset[str], scopes: Iterable[str]) -> frozenset[str]:
    """The codes that the scopes let through; `write` lets everything of its resource through. An unreadable scope is none."""
    wanted = set(scopes)
    if EVERYTHING in wanted:
        return codes
    full = {found[1] for scope in wanted if (found := _SCOPE.fullmatch(scope)) and found[2] == "write"}
    reading = {found[1] for scope in wanted if (found := _SCOPE.fullmatch(scope)) and found[2] == "read"}
    return frozenset(code for code in codes if resource_of(code) in full or (resource_of(code) in reading and is_reading(code)))


def is_scope(text: str, known: Iterable[str]) -> bool:
    """Whether it is a scope over one of the known resources, or the scope of everything."""
    found = _SCOPE.fullmatch(text)
    return text == EVERYTHING or (found is not None and found[1] in set(known))

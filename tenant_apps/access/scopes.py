"""Kinds of scopes that a role can be given for; apps above register theirs."""

import dataclasses
import uuid
from collections.abc import Callable, Iterable

from kernel.registry import Registry


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """One object a role can be given for."""

    id: int
    public_id: uuid.UUID
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class ScopeKind:
    """How a kind of scope is looked up. `mine` gives the keys of those a user belongs to without any role, such as teams."""

    find: Callable[[uuid.UUID], Scope | None]
    named: Callable[[Iterable[int]], dict[int, Scope]]
    mine: Callable[[int], frozenset[int]] = lambda _user_id: frozenset()


SCOPES: Registry[ScopeKind] = Registry("scope kind")

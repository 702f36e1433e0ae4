"""What tenant apps do for a fresh, copied or moving tenant (`provisioning.py`) and to every tenant's rows (`data_changes.py`)."""

import dataclasses
import uuid
from collections.abc import Callable

from kernel.registry import DuplicateSlug, Registry
from kernel.tenancy import TenantRef

Provisioner = Callable[[TenantRef, str], Callable[[], None] | None]
PROVISIONERS: Registry[Provisioner] = Registry("provisioner")
"""`provisioner(tenant, owner_email)`: runs inside the tenant's scope, in one unit of work, and may run twice.

What it returns, if anything, is called after the commit: the place to write public rows, such as channel routes."""


@dataclasses.dataclass(frozen=True, slots=True)
class DataChange:
    """What is done to the rows of every tenant behind a migration (`"app.0007_name"`)."""

    name: str
    after: str
    run: Callable[[str], str | None]


DATA_CHANGES: Registry[DataChange] = Registry("data change")


def data_change(name: str, *, after: str) -> Callable[[Callable[[str], str | None]], Callable[[str], str | None]]:
    """Decorator for `change(cursor) -> next cursor or None` in an app's `data_changes.py`.

    It is called in the tenant's scope, in a unit of work of its own, first with an empty cursor, then with what it returned, until that is
    None. One call does about a second's work. A call may be repeated, so it changes nothing the second time. Names are stored and never
    change; a finished change may be deleted once no tenant is behind it.
    """

    def add(change: Callable[[str], str | None]) -> Callable[[str], str | None]:
        known = DATA_CHANGES.find(name)
        if known is not None and (known.run.__module__, known.run.__qualname__) != (change.__module__, change.__qualname__):
            raise DuplicateSlug(f"The data change {name} is registered twice")
        DATA_CHANGES.register(name)(DataChange(name, after, change))
        return change

    return add


@dataclasses.dataclass(frozen=True, slots=True)
class Adoption:
    """Where copied rows come from: the former host, whether the original lives on, and what of the public rows is known.

    `taken` are (connector, address) pairs that lead to somebody else or are blocked, `routed` those that led to the original.
    """

    former_host: str
    is_clone: bool
    taken: frozenset[tuple[str, str]]
    routed: frozenset[tuple[str, str]]
    has_secret: frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class RouteWish:
    """A channel route that an adopted inbox needs; `former` is the address it had, whose secret it gets if that could travel."""

    connector: str
    external_id: str
    inbox_id: uuid.UUID
    former: str


Adopter = Callable[[TenantRef, Adoption], list[RouteWish]]
ADOPTERS: Registry[Adopter] = Registry("adopter")
"""`adopter(tenant, adoption)`: makes copied rows those of their new tenant. Runs inside its scope, in one unit of work, before anybody
can reach it, and only once for a copy."""

BUSY: Registry[Callable[[], bool]] = Registry("busy check")
"""`is_busy()`: whether, in the tenant in scope, a worker is in the middle of something that leaves the system. A move waits for its end."""

"""What tenant apps contribute: the set-up of a fresh tenant (`provisioning.py`), changes to every tenant's rows (`data_changes.py`)."""

import dataclasses
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

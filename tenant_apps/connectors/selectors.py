"""Reads of inboxes."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from kernel import crypto, tenancy
from kernel.api.pagination import Order, Page, keyset_page
from shared_apps.tenants.selectors import url_of

from tenant_apps.access.scopes import Scope
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import CONNECTORS, InboxRef

NEWEST_FIRST = Order(("created_at", "id"))
COLUMNS = (
    "id", "public_id", "connector", "name", "address", "is_paused", "last_event_at", "last_error", "default_team__public_id",
    "default_team__name", "created_at", "updated_at",
)  # fmt: skip
MAIL_KEY_GENERATIONS = (1,)
"""Which generations of the mail key verify, the first one signs. To replace the key put the next number in front; drop the old
one after a year, when hardly anybody answers mails signed with it."""


def inboxes_visible_to(_viewer: Any) -> "QuerySet[Inbox]":  # Any: user or actor
    """Every member sees names and addresses of all inboxes; what came in through them is narrowed with the tickets."""
    return Inbox.objects.select_related("default_team")


def inbox_page(viewer: Any, *, connector: str = "", cursor: str = "", limit: int = 25) -> Page:  # Any: user or actor
    """A page of inboxes, newest first."""
    rows = inboxes_visible_to(viewer)
    if connector:
        rows = rows.filter(connector=connector)
    return keyset_page(rows.values(*COLUMNS), order=NEWEST_FIRST, cursor=cursor, limit=limit)


def inbox_by_id(public_id: uuid.UUID) -> Inbox | None:
    """The inbox a channel route names, or None where it is gone."""
    return Inbox.objects.filter(public_id=public_id).first()


def inbox_scope(public_id: uuid.UUID) -> Scope | None:
    """An inbox as the scope of a role."""
    inbox = inbox_by_id(public_id)
    return Scope(inbox.pk, inbox.public_id, inbox.name) if inbox else None


def inbox_scopes(keys: Iterable[int]) -> dict[int, Scope]:
    """Inboxes as scopes, by key."""
    return {inbox.pk: Scope(inbox.pk, inbox.public_id, inbox.name) for inbox in Inbox.objects.filter(pk__in=list(keys))}


def hook_url(inbox: Inbox) -> str:
    """Where senders of a generic API inbox post."""
    return url_of(tenancy.current_tenant().host, f"/hooks/v1/{inbox.address}")


def own_mail_addresses() -> frozenset[str]:
    """The addresses of this tenant's mail inboxes: what comes from them is our own mail."""
    return frozenset(Inbox.objects.filter(connector="email").values_list("address", flat=True))


def inbox_ref(inbox: Inbox) -> InboxRef:
    """What adapters may know of the inbox."""
    return InboxRef(
        id=inbox.public_id,
        tenant_id=tenancy.current_tenant().id,
        name=inbox.name,
        address=inbox.address,
        config=inbox.config,
        keys=mail_keys(),
    )


def mail_keys() -> tuple[bytes, ...]:
    """The tenant's live keys for reply addresses and Message-IDs."""
    return tuple(crypto.derive_key(f"mail:{generation}") for generation in MAIL_KEY_GENERATIONS)


def connector_rows() -> list[dict[str, Any]]:  # Any: JSON
    """The channel types there are, with what they can do and which settings they take."""
    return [
        {
            "slug": slug,
            "label": connector.label,
            "capabilities": {name: getattr(connector.capabilities, name) for name in connector.capabilities.__dataclass_fields__},
            "settings": [{name: getattr(setting, name) for name in setting.__dataclass_fields__} for setting in connector.settings_schema],
        }
        for slug, connector in CONNECTORS.all().items()
    ]

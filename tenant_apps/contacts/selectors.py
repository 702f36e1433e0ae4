"""Reads of contacts."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from kernel.api.pagination import Order, Page, keyset_page

from tenant_apps.access.selectors import by_roles, narrowing
from tenant_apps.contacts.models import Contact, Identity

NEWEST_FIRST = Order(("created_at", "id"))
COLUMNS = ("id", "public_id", "name", "email", "language", "created_at", "updated_at")


def contacts_visible_to(viewer: Any) -> "QuerySet[Contact]":  # Any: user or actor
    """All contacts for those who see all tickets, otherwise the people behind the tickets they see."""
    return Contact.objects.filter(narrowing("contacts.contact", by_roles(viewer), "tickets.ticket.read"))


def contact_page(viewer: Any, *, search: str = "", cursor: str = "", limit: int = 25) -> Page:  # Any: user or actor
    """A page of contacts, newest first; `search` looks into names and addresses."""
    rows = contacts_visible_to(viewer)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(email__icontains=search))
    return keyset_page(rows.values(*COLUMNS), order=NEWEST_FIRST, cursor=cursor, limit=limit)


def contact_detail(viewer: Any, public_id: Any) -> Contact | None:  # Any: user or actor; a UUID
    """One contact with its identities, or None where it is not there or not visible."""
    identities = Prefetch("identities", queryset=Identity.objects.order_by("kind", "value"))
    return contacts_visible_to(viewer).prefetch_related(identities).filter(public_id=public_id).first()

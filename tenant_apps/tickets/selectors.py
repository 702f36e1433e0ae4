"""Reads of tickets: one visibility rule for list, detail, counts and sockets."""

import dataclasses
import datetime
import uuid
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan
from kernel.api.pagination import Order, Page, keyset_page

from tenant_apps.messaging.models import Direction, Message, ReadMark
from tenant_apps.tickets.models import Status, StatusCategory, Ticket, TicketConversation, TicketUserObjectPermission
from tenant_apps.tickets.reach import EXPORT, tickets_visible_to, within

RECENT_FIRST = Order(("last_message_at", "id"))
ORDERS = {
    "-last_message_at": RECENT_FIRST,
    "last_message_at": RECENT_FIRST.reversed(),
    "-created_at": Order(("created_at", "id")),
    "created_at": Order(("created_at", "id"), is_descending=False),
}
OPEN_CATEGORIES = (StatusCategory.NEW, StatusCategory.OPEN)
WAITING_CATEGORIES = (StatusCategory.WAITING_CUSTOMER, StatusCategory.WAITING_OTHER)
DONE_CATEGORIES = (StatusCategory.SOLVED, StatusCategory.CLOSED)
SEGMENTS = {"open": OPEN_CATEGORIES, "waiting": WAITING_CATEGORIES, "done": DONE_CATEGORIES}
VIEWS = ("my", "unassigned", "open", "done")
COLUMNS = (
    "id",
    "public_id",
    "number",
    "subject",
    "status__key",
    "status__label_agent",
    "category",
    "priority",
    "assignee__public_id",
    "assignee__name",
    "team__public_id",
    "team__key",
    "team__name",
    "requester__public_id",
    "requester__name",
    "requester__email",
    "connector",
    "version",
    "snippet",
    "last_message_at",
    "waiting_since",
    "solved_at",
    "reopen_count",
    "follow_up_of__public_id",
    "created_at",
    "updated_at",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """What a list asks for; empty values ask nothing. `assignee` and `team` take `none` for nobody's tickets."""

    view: str = ""
    categories: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    assignee: str = ""
    team: str = ""
    tag: str = ""
    requester: uuid.UUID | None = None
    created_after: datetime.datetime | None = None
    created_before: datetime.datetime | None = None
    search: str = ""


def statuses() -> "QuerySet[Status]":
    """The tenant's statuses in their order."""
    return Status.objects.order_by("position", "id")


def ticket_page(
    viewer: Any,  # Any: the user
    *,
    wanted: TicketFilter,
    order: str = "-last_message_at",
    cursor: str = "",
    limit: int = 25,
) -> Page:
    """A page of ticket rows (`COLUMNS` plus tags, conversations, unread) in four queries at most, however long the table."""
    rows = filtered(tickets_visible_to(viewer), wanted, viewer)
    page = keyset_page(rows.values(*COLUMNS), order=ORDERS[order], cursor=cursor, limit=limit)
    _complete(page.rows, viewer)
    return page


def export_batch(viewer: Any, wanted: TicketFilter, *, after: int, newest: int, limit: int) -> list[dict[str, Any]]:  # Any: as above
    """The next tickets of an export in the shape of `ticket_page`, by key: those that the viewer may both see and take out."""
    rows = filtered(tickets_visible_to(viewer).filter(within(viewer, EXPORT)), wanted, viewer)
    found = list(rows.filter(pk__gt=after, pk__lte=newest).order_by("pk").values(*COLUMNS)[:limit])
    _complete(found, viewer)
    return found


def ticket_row(viewer: Any, public_id: uuid.UUID) -> dict[str, Any] | None:  # Any: the user; column values
    """One ticket in the shape of `ticket_page`, or None where it is not there or not visible."""
    rows = list(tickets_visible_to(viewer).filter(public_id=public_id).values(*COLUMNS))
    _complete(rows, viewer)
    return rows[0] if rows else None


def ticket_by_id(viewer: Any, public_id: uuid.UUID) -> Ticket | None:  # Any: the user
    """One ticket with what a page shows of it, or None where it is not there or not visible."""
    related = tickets_visible_to(viewer).select_related("status", "assignee", "team", "requester", "follow_up_of")
    return related.filter(public_id=public_id).first()


def ticket_of_conversation(viewer: Any, conversation_id: int) -> Ticket | None:  # Any: the user
    """The ticket that new messages of the conversation belong to."""
    return (
        tickets_visible_to(viewer).filter(conversation_links__conversation_id=conversation_id, conversation_links__is_current=True).first()
    )


def shares_of(ticket: Ticket) -> "QuerySet[TicketUserObjectPermission]":
    """The ticket's shares with their users, by name."""
    return TicketUserObjectPermission.objects.filter(content_object=ticket).select_related("user").order_by("user__name", "id")


def conversation_ids_of(ticket: Ticket) -> list[int]:
    """The keys of the ticket's conversations, the current one last."""
    links = TicketConversation.objects.filter(ticket=ticket).order_by("is_current", "id")
    return list(links.values_list("conversation_id", flat=True))


def tickets_of_requester(viewer: Any, ticket: Ticket, *, limit: int = 5) -> "QuerySet[Ticket]":  # Any: the user
    """The same contact's other tickets, newest first."""
    rows = tickets_visible_to(viewer).filter(requester_id=ticket.requester_id).exclude(pk=ticket.pk)
    return rows.select_related("status").order_by("-created_at", "-id")[:limit]


def view_counts(viewer: Any) -> dict[str, int]:  # Any: the user
    """The numbers beside the views (`my`, `unassigned`, `open`, `team:<key>`), of tickets that are open or new, in one query."""
    rows = (
        tickets_visible_to(viewer)
        .filter(category__in=OPEN_CATEGORIES)
        .values("team__key")
        .annotate(
            all=Count("id"),
            mine=Count("id", filter=Q(assignee_id=viewer.pk)),
            nobodys=Count("id", filter=Q(assignee_id=None)),
        )
    )
    counts = {"my": 0, "unassigned": 0, "open": 0}
    for row in rows:
        counts["open"] += row["all"]
        counts["my"] += row["mine"]
        counts["unassigned"] += row["nobodys"]
        if row["team__key"]:
            counts[f"team:{row['team__key']}"] = row["all"]
    return counts


def segment_counts(viewer: Any, view: str) -> dict[str, int]:  # Any: the user
    """How many tickets of a view are open and waiting. Done tickets are not counted: their number only grows."""
    rows = filtered(tickets_visible_to(viewer), TicketFilter(view=view), viewer, any_category=True)
    return rows.aggregate(
        open=Count("id", filter=Q(category__in=OPEN_CATEGORIES)), waiting=Count("id", filter=Q(category__in=WAITING_CATEGORIES))
    )


def filtered(
    rows: "QuerySet[Ticket]",
    wanted: TicketFilter,
    viewer: Any,  # Any: the user
    *,
    any_category: bool = False,
) -> "QuerySet[Ticket]":
    """Applies a filter. Unknown ids match nothing."""
    if wanted.view and not any_category and not wanted.categories and not wanted.statuses:
        rows = rows.filter(category__in=DONE_CATEGORIES if wanted.view == "done" else OPEN_CATEGORIES)
    rows = _in_view(rows, wanted.view, viewer)
    rows = _by_reference(rows, "assignee", wanted.assignee)
    rows = _by_reference(rows, "team", wanted.team)
    exact = {
        "category__in": wanted.categories,
        "status__key__in": wanted.statuses,
        "tags__name": wanted.tag.lower(),
        "requester__public_id": wanted.requester,
        "created_at__gte": wanted.created_after,
        "created_at__lt": wanted.created_before,
    }
    rows = rows.filter(**{lookup: value for lookup, value in exact.items() if value})
    return _searched(rows, wanted.search)


def _in_view(rows: "QuerySet[Ticket]", view: str, viewer: Any) -> "QuerySet[Ticket]":  # Any: the user
    if view == "my":
        return rows.filter(assignee_id=viewer.pk)
    if view == "unassigned":
        return rows.filter(assignee_id=None)
    return rows.filter(team__key=view.removeprefix("team:")) if view.startswith("team:") else rows


def _by_reference(rows: "QuerySet[Ticket]", name: str, value: str) -> "QuerySet[Ticket]":
    if not value:
        return rows
    return rows.filter(**{f"{name}_id": None}) if value == "none" else rows.filter(**{f"{name}__public_id": uuid.UUID(value)})


def _searched(rows: "QuerySet[Ticket]", search: str) -> "QuerySet[Ticket]":
    search = search.strip()
    if not search:
        return rows
    if search.removeprefix("#").isascii() and search.removeprefix("#").isdigit() and len(search) < 18:
        return rows.filter(Q(number=int(search.removeprefix("#"))) | Q(subject__icontains=search))
    return rows.filter(Q(subject__icontains=search) | Q(requester__name__icontains=search) | Q(requester__email__icontains=search))


def _complete(rows: list[dict[str, Any]], viewer: Any) -> None:  # Any: column values; the user
    """Adds tags, conversations and the unread mark to the rows of one page: two queries for all of them."""
    keys = [row["id"] for row in rows]
    tags: dict[int, list[str]] = {}
    for ticket_id, name in (
        Ticket.tags.through.objects.filter(ticket_id__in=keys).order_by("tag__name").values_list("ticket_id", "tag__name")
    ):
        tags.setdefault(ticket_id, []).append(name)
    links = (
        TicketConversation.objects.filter(ticket_id__in=keys)
        .annotate(unread=_unread(viewer))
        .order_by("is_current", "id")
        .values_list("ticket_id", "conversation__public_id", "unread")
    )
    conversations: dict[int, list[uuid.UUID]] = {}
    unread: dict[int, bool] = {}
    for ticket_id, conversation_id, is_unread in links:
        conversations.setdefault(ticket_id, []).append(conversation_id)
        unread[ticket_id] = unread.get(ticket_id, False) or bool(is_unread)
    for row in rows:
        row["tags"] = tags.get(row["id"], [])
        row["conversations"] = conversations.get(row["id"], [])
        row["is_unread"] = unread.get(row["id"], False)


def _unread(viewer: Any) -> "ExpressionWrapper[Any]":  # Any: the user
    """Whether the newest incoming message of the conversation is past the viewer's read mark."""
    newest = Message.objects.filter(conversation_id=OuterRef("conversation_id"), direction=Direction.IN).order_by("-id").values("id")[:1]
    mark = ReadMark.objects.filter(conversation_id=OuterRef("conversation_id"), user_id=viewer.pk).values("message_id")[:1]
    return ExpressionWrapper(
        GreaterThan(Coalesce(Subquery(newest), Value(0)), Coalesce(Subquery(mark), Value(0))), output_field=BooleanField()
    )

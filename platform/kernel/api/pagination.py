"""Keyset pages: stable under inserts, as fast on page 400 as on page 1."""

import base64
import binascii
import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from kernel.problems import FieldError, ValidationProblem

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
Row = TypeVar("Row")


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """A sort: column names, all in one direction, ending with the primary key."""

    columns: tuple[str, ...]
    is_descending: bool = True

    def reversed(self) -> "Order":
        """The same columns the other way round."""
        return Order(self.columns, not self.is_descending)

    def names(self) -> list[str]:
        """The arguments for order_by()."""
        return [f"-{column}" if self.is_descending else column for column in self.columns]


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and the cursors of the pages beside this one (None at the ends)."""

    rows: list[dict[str, Any]]  # Any: column values
    next: str | None
    previous: str | None


def keyset_page(queryset: "QuerySet[Any, Any]", *, order: Order, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page:
    """One page of a `values()` queryset that selects the order's columns. Raises ValidationProblem for a bad cursor or limit."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ValidationProblem([FieldError("/limit", "out_of_range", f"Between 1 and {MAX_LIMIT}")])
    is_back, position = _read_cursor(cursor, order)
    direction = order.reversed() if is_back else order
    if position is not None:
        queryset = queryset.filter(_after(direction, position))
    rows = list(queryset.order_by(*direction.names())[: limit + 1])
    has_more = len(rows) > limit
    rows = rows[:limit]
    if is_back:
        rows.reverse()
    has_next, has_previous = (position is not None, has_more) if is_back else (has_more, position is not None)
    return Page(
        rows=rows,
        next=_cursor(order, rows[-1], is_back=False) if rows and has_next else None,
        previous=_cursor(order, rows[0], is_back=True) if rows and has_previous else None,
    )


def page_body(request: Request, page: Page, shape: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:  # Any: JSON
    """`{"results": [...], "next": URL|null, "previous": URL|null}`."""
    return {
        "results": [shape(row) for row in page.rows],
        "next": _url(request, page.next),
        "previous": _url(request, page.previous),
    }


def limit_of(query: Mapping[str, Any]) -> int:  # Any: query values
    """The page size asked for. Raises ValidationProblem for anything but a small whole number."""
    raw = query.get("limit", DEFAULT_LIMIT)
    if isinstance(raw, int):
        return raw
    if not (isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 4):
        raise ValidationProblem([FieldError("/limit", "invalid", "A whole number")])
    return int(raw)


def _after(order: Order, position: Sequence[Any]) -> Q:  # Any: column values
    """Rows beyond `position`; the leading bound on the first column lets the index start in the right place."""
    step, bound = ("lt", "lte") if order.is_descending else ("gt", "gte")
    condition = Q()
    for depth, column in enumerate(order.columns):
        equal = {order.columns[i]: position[i] for i in range(depth)}
        condition |= Q(**equal, **{f"{column}__{step}": position[depth]})
    return Q(**{f"{order.columns[0]}__{bound}": position[0]}) & condition


def _cursor(order: Order, row: Mapping[str, Any], *, is_back: bool) -> str:  # Any: column values
    values = [row[column] for column in order.columns]
    return base64.urlsafe_b64encode(orjson.dumps([is_back, *values])).rstrip(b"=").decode()


def _read_cursor(cursor: str, order: Order) -> tuple[bool, list[Any] | None]:  # Any: column values
    if not cursor:
        return False, None
    try:
        is_back, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = [_value(column, value) for column, value in zip(order.columns, values, strict=True)]
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValidationProblem([FieldError("/cursor", "invalid", "Use the cursor of an earlier page unchanged")]) from error
    return bool(is_back), position


def _value(column: str, value: Any) -> Any:  # Any: JSON
    if column.endswith("_at"):
        moment = datetime.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("A cursor's time has a zone")
        return moment
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise ValueError("A cursor's key is a whole number")


def _url(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    query = [(name, value) for name, value in request.query_params.lists() if name != "cursor"]
    return request.build_absolute_uri("?" + urlencode([*query, ("cursor", [cursor])], doseq=True))


class CursorQuerySerializer(serializers.Serializer[Any]):
    """The query parameters every list takes."""

    cursor = serializers.CharField(required=False, help_text="Opaque; take it from `next` or `previous`")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)

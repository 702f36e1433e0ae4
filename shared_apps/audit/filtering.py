"""The filter of the pages: from the fields of a form to what is wanted, and to the addresses of pages and exports."""

import dataclasses
import datetime
import uuid
import zoneinfo
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.dateparse import parse_date, parse_datetime
from kernel.problems import NotFound

from shared_apps.audit.models import Outcome
from shared_apps.audit.selectors import Wanted

FIELDS: Final = ("actor", "object_type", "object_id", "outcome", "search", "from", "to")


def values_in(query: Mapping[str, str]) -> dict[str, str]:
    """What stands in the form's fields."""
    return {name: query.get(name, "").replace("\x00", "").strip() for name in FIELDS}


def wanted_in(values: dict[str, str], time_zone: str) -> Wanted:
    """The filter that the form describes, days by the reader's clock. Raises NotFound for what no form sends."""
    if values["outcome"] not in {"", *Outcome.values}:
        raise NotFound
    return Wanted(
        actor=_id(values["actor"]),
        object_type=values["object_type"][:32],
        object_id=_id(values["object_id"]),
        outcome=values["outcome"],
        search=values["search"][:64],
        since=_midnight(values["from"], time_zone, 0),
        until=_midnight(values["to"], time_zone, 1),
    )


def wanted_in_export(query: Mapping[str, str]) -> Wanted:
    """The filter in the address of an export, whose moments are exact. Raises NotFound for what no page links to."""
    wanted = wanted_in({**values_in(query), "from": "", "to": ""}, "UTC")
    return dataclasses.replace(wanted, since=_moment(query.get("from", "")), until=_moment(query.get("to", "")))


def export_links(address: str, wanted: Wanted) -> list[tuple[str, str]]:
    """The addresses of the exports of what is shown: label and address."""
    query: dict[str, Any] = {name: value for name, value in wanted.as_json().items() if name not in {"since", "until"}}  # Any: query values
    query |= {name: moment.isoformat() for name, moment in (("from", wanted.since), ("to", wanted.until)) if moment}
    return [(label, f"{address}?{urlencode({**query, 'format': form})}") for form, label in (("csv", "CSV"), ("jsonl", "JSONL"))]


def page_link(address: str, values: dict[str, str], cursor: str | None) -> str:
    """The address of a page of what is shown; empty where there is none."""
    chosen = {name: value for name, value in values.items() if value}
    return "" if cursor is None else f"{address}?{urlencode({**chosen, 'cursor': cursor})}"


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise NotFound from error


def _moment(text: str) -> datetime.datetime | None:
    try:
        found = parse_datetime(text) if text else None
    except ValueError as error:
        raise NotFound from error
    if text and (found is None or found.tzinfo is None):
        raise NotFound
    return found


def _midnight(text: str, time_zone: str, days: int) -> datetime.datetime | None:
    """The beginning of a day, or of the day after it."""
    if not text:
        return None
    try:
        day = parse_date(text)
        if day is None:
            raise NotFound
        return datetime.datetime.combine(day + datetime.timedelta(days=days), datetime.time(), zoneinfo.ZoneInfo(time_zone))
    except (ValueError, OverflowError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise NotFound from error

"""The audit trail: who did what, in sentences, with a filter, the history of one object, and the way to its exports."""

import datetime
import uuid
import zoneinfo
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from kernel.problems import NotFound
from shared_apps.accounts import selectors as accounts
from shared_apps.audit import selectors
from shared_apps.audit.models import Outcome
from ui.pages import Page

from tenant_apps.access.selectors import has_permission
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.audit import TYPE_LABELS, actor_choices, audit_lines

_FIELDS = ("actor", "object_type", "object_id", "outcome", "search", "from", "to")


class AuditTrail(Page):
    """Entries, newest first."""

    permission = selectors.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        user = member(request)
        values = {name: request.GET.get(name, "").replace("\x00", "").strip() for name in _FIELDS}
        wanted = _wanted(values, user.time_zone)
        page = selectors.audit_page(wanted, cursor=request.GET.get("cursor", ""), limit=30)
        chosen = {name: value for name, value in values.items() if value}
        context = {
            **frame(user),
            "section": "audit",
            "lines": audit_lines(user, page.rows),
            "values": values,
            "is_narrowed": bool(chosen),
            "types": TYPE_LABELS,
            "actors": actor_choices(list(accounts.active_users()), list(accounts.api_keys())),
            "exports": _exports(wanted) if has_permission(user, selectors.EXPORT) else [],
            "keep_days": selectors.keep_days(),
            "next_url": _url(chosen, page.next),
            "previous_url": _url(chosen, page.previous),
        }
        return render(request, "workspace/settings/audit.html", context)


def _wanted(values: dict[str, str], time_zone: str) -> selectors.Wanted:
    """The filter that the form describes, days by the reader's clock. Raises NotFound for what no form sends."""
    if values["outcome"] not in {"", *Outcome.values}:
        raise NotFound
    return selectors.Wanted(
        actor=_id(values["actor"]),
        object_type=values["object_type"][:32],
        object_id=_id(values["object_id"]),
        outcome=values["outcome"],
        search=values["search"][:64],
        since=_midnight(values["from"], time_zone, 0),
        until=_midnight(values["to"], time_zone, 1),
    )


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise NotFound from error


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


def _exports(wanted: selectors.Wanted) -> list[tuple[str, str]]:
    """The addresses of the exports of what is shown: label and address."""
    query: dict[str, Any] = {name: value for name, value in wanted.as_json().items() if name not in {"since", "until"}}  # Any: query values
    query |= {name: moment.isoformat() for name, moment in (("from", wanted.since), ("to", wanted.until)) if moment}
    return [
        (label, f"/api/v1/audit-entries/export?{urlencode({**query, 'format': form})}")
        for form, label in (("csv", "CSV"), ("jsonl", "JSONL"))
    ]


def _url(chosen: dict[str, str], cursor: str | None) -> str:
    return "" if cursor is None else f"/settings/audit/?{urlencode({**chosen, 'cursor': cursor})}"

"""Tickets as a file: read in batches, each by the rights that its reader has then, and written as CSV or JSON lines."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson
from django.http import StreamingHttpResponse
from kernel import tenancy
from kernel.actors import acting_as, current_actor
from kernel.permissions import require
from kernel.problems import NotAllowed
from kernel.refusals import note_refusal
from kernel.spreadsheets import csv_line
from shared_apps.accounts.models import User

from tenant_apps.tickets import selectors
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.reach import EXPORT
from tenant_apps.tickets.selectors import TicketFilter
from tenant_apps.tickets.serializers import ticket_json

FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
BATCH: Final = 500
Row = dict[str, Any]  # Any: column values
Proof = Callable[[], bool]
_HEAD: Final = (
    *("number", "id", "subject", "status", "status_category", "status_label", "priority", "tags"),
    *("assignee_id", "assignee_name", "team_id", "team_name", "requester_id", "requester_name", "requester_email"),
    *("created_at", "updated_at", "last_message_at", "waiting_since", "solved_at", "reopen_count", "follow_up_of", "conversations"),
)


def exported_rows(viewer: User, wanted: TicketFilter, *, proof: Proof) -> Iterator[Row]:
    """The wanted tickets within reach up to the present newest, oldest first.

    It is consumed after the request has ended, so each batch enters the tenant anew and asks anew what the viewer may see; `proof`
    says whether the key or session that asked still holds. Where they may no longer export, NotAllowed is raised inside the stream:
    the connection breaks, so that half a file is not taken for a whole one, and an entry says so.
    """
    newest = Ticket.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    tenant, actor = tenancy.current_tenant(), current_actor()
    restrict = getattr(viewer, "restrict", None)

    def batch(after: int) -> list[Row]:
        with tenancy.tenant_scope(tenancy.resolve_tenant(tenant.id)), acting_as(actor):
            try:
                reader = _again(viewer.pk, restrict, proof)
            except NotAllowed as problem:
                note_refusal(method="GET", path="/api/v1/tickets/export", reason=str(problem.detail), ids=[viewer.public_id])
                raise
            return selectors.export_batch(reader, wanted, after=after, newest=newest, limit=BATCH)

    return _chunks(batch)


def export_answer(form: str, rows: Iterable[Row]) -> StreamingHttpResponse:
    """The answer that streams the rows as a file, which no cache keeps and no browser takes for a page."""
    answer = StreamingHttpResponse(_lines(form, rows), content_type=FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="tickets.{form}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _chunks(batch: Callable[[int], list[Row]]) -> Iterator[Row]:
    last = 0
    while True:
        rows = batch(last)
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1]["id"]


def _again(user_id: int, restrict: Any, proof: Proof) -> User:  # Any: what an API key leaves of the rights
    """The viewer with what they hold now. Raises NotAllowed."""
    found = User.objects.filter(pk=user_id, is_active=True).first()
    if found is None or not proof():
        raise NotAllowed("The key or session that asked for the export has ended")
    found.restrict = restrict  # type: ignore[attr-defined]  # read by the check of permissions
    require(found, EXPORT)
    return found


def _lines(form: str, rows: Iterable[Row]) -> Iterator[bytes]:
    """JSON lines are exact; in CSV what could be a formula is quoted away."""
    if form == "jsonl":
        for row in rows:
            yield orjson.dumps(ticket_json(row), option=orjson.OPT_UTC_Z) + b"\n"
        return
    yield csv_line(_HEAD).encode()
    for row in rows:
        yield csv_line(_cells(ticket_json(row))).encode()


def _cells(ticket: dict[str, Any]) -> list[object]:  # Any: JSON
    status, assignee, team, requester = ticket["status"], ticket["assignee"] or {}, ticket["team"] or {}, ticket["requester"]
    moments = (ticket[name] for name in ("created_at", "updated_at", "last_message_at", "waiting_since", "solved_at"))
    return [
        *(ticket["number"], ticket["id"], ticket["subject"], status["key"], status["category"], status["label"], ticket["priority"]),
        *(", ".join(ticket["tags"]), assignee.get("id"), assignee.get("name"), team.get("id"), team.get("name")),
        *(requester["id"], requester["name"], requester["email"]),
        *(moment.isoformat() if moment else None for moment in moments),
        *(ticket["reopen_count"], ticket["follow_up_of"], " ".join(str(each) for each in ticket["conversations"])),
    ]


def described(wanted: TicketFilter) -> dict[str, Any]:  # Any: JSON
    """The filter for the audit trail: ids and keys as they are, of searched words only that there were some."""
    plain = {
        "status": [*wanted.categories, *wanted.statuses],
        "assignee": wanted.assignee,
        "team": wanted.team,
        "tag": wanted.tag,
        "requester": _text(wanted.requester),
        "created_after": _text(wanted.created_after),
        "created_before": _text(wanted.created_before),
        "search": bool(wanted.search),
    }
    return {name: value for name, value in plain.items() if value}


def _text(value: object) -> str:
    return "" if value is None else str(value)

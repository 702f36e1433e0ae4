"""The bytes of an export: a head and one row an entry as CSV, or one JSON object a line."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson
from django.http import StreamingHttpResponse
from kernel.spreadsheets import csv_line

FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_HEAD: Final = (
    *("n", "at", "outcome", "action", "actor_kind", "actor_id", "actor_name", "on_behalf_of_id", "on_behalf_of_name"),
    *("object_type", "object_id", "changes", "ip", "user_agent", "request_id", "hash"),
)


def export_answer(form: str, rows: Iterable[dict[str, Any]]) -> StreamingHttpResponse:  # Any: column values
    """The answer that streams the rows as a file, which no cache keeps and no browser takes for a page."""
    answer = StreamingHttpResponse(lines(form, rows), content_type=FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


def entry_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values; JSON
    """One entry as the API shows it."""
    actor = row["actor"]
    return {
        "n": row["n"],
        "at": row["at"],
        "actor": {**_person(actor), "on_behalf_of": _person(actor["on_behalf_of"]) if actor.get("on_behalf_of") else None},
        "action": row["action"],
        "object": {"type": row["object_type"], "id": row["object_id"]},
        "changes": row["changes"],
        "outcome": row["outcome"],
        "ip": row["ip"],
        "user_agent": row["user_agent"],
        "request_id": row["request_id"],
        "hash": bytes(row["hash"]).hex(),
    }


def lines(form: str, rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:  # Any: column values
    """The bytes of an export, line by line. JSON lines are exact; in CSV what could be a formula is quoted away."""
    if form == "jsonl":
        for row in rows:
            yield orjson.dumps(entry_json(row), option=orjson.OPT_UTC_Z) + b"\n"
        return
    yield csv_line(_HEAD).encode()
    for row in rows:
        yield csv_line(_cells(entry_json(row))).encode()


def _cells(entry: dict[str, Any]) -> list[object]:  # Any: JSON
    actor, behalf = entry["actor"], entry["actor"]["on_behalf_of"] or {}
    return [
        *(entry["n"], entry["at"].isoformat(), entry["outcome"], entry["action"]),
        *(actor["kind"], actor["id"], actor["name"], behalf.get("id"), behalf.get("name")),
        *(entry["object"]["type"], entry["object"]["id"], orjson.dumps(entry["changes"]).decode()),
        *(entry["ip"], entry["user_agent"], entry["request_id"], entry["hash"]),
    ]


def _person(stored: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    return {"kind": stored.get("kind", ""), "id": stored.get("id"), "name": stored.get("name", "")}

"""The demo's mailbox for everything we send: one .eml and one .json file for each mail, and the views that show them.

Plain files and functions: no tenant, no database. Routed on the base host only, and only in a demo.
"""

import dataclasses
import datetime
import json
import re
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET
from kernel.clock import now
from kernel.ids import new_id

from tenant_apps.connectors.mail.errors import UnreadableMail
from tenant_apps.connectors.mail.parse import ParsedMail, parse_mail

KEEP: Final = 2_000
_ID: Final = re.compile(r"[0-9a-f-]{36}")


@dataclasses.dataclass(frozen=True, slots=True)
class CaughtMail:
    """One caught mail as its index file describes it."""

    id: str
    sender: str
    recipient: str
    subject: str
    received_at: datetime.datetime

    @property
    def raw_url(self) -> str:
        """Where the raw mail is served."""
        return f"/dev/mail/messages/{self.id}.eml"

    def as_json(self) -> dict[str, str]:
        """The shape of the list that scripts read."""
        return {
            "id": self.id,
            "from": self.sender,
            "to": self.recipient,
            "subject": self.subject,
            "raw_url": self.raw_url,
            "received_at": self.received_at.isoformat().replace("+00:00", "Z"),
        }


def folder() -> Path:
    """Where the mails lie."""
    return Path(settings.ATENDE_CATCHER_DIR)


def store(raw: bytes, *, recipient: str) -> CaughtMail:
    """Writes a mail; it appears in the list only when it is complete. Beyond 2,000 the oldest go."""
    sender, subject = _described(raw)
    caught = CaughtMail(id=str(new_id()), sender=sender, recipient=recipient, subject=subject, received_at=now())
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / f"{caught.id}.eml").write_bytes(raw)
    partial = folder() / f"{caught.id}.part"
    partial.write_text(json.dumps(caught.as_json()), encoding="utf-8")
    partial.rename(folder() / f"{caught.id}.json")
    for old in sorted(folder().glob("*.json"))[:-KEEP]:
        old.unlink(missing_ok=True)
        old.with_suffix(".eml").unlink(missing_ok=True)
    return caught


def messages() -> list[CaughtMail]:
    """Every caught mail, newest first; ids sort by time."""
    found = (_read(file) for file in sorted(folder().glob("*.json"), reverse=True))
    return [mail for mail in found if mail is not None]


def message(mail_id: str) -> tuple[CaughtMail, ParsedMail, bytes] | None:
    """One mail: its description, its content, its raw bytes; None where there is none with this id."""
    raw = _raw(mail_id)
    caught = _read(folder() / f"{mail_id}.json") if raw is not None else None
    if raw is None or caught is None:
        return None
    try:
        return caught, parse_mail(raw), raw
    except UnreadableMail:
        return None


@require_GET
def list_view(_request: HttpRequest) -> HttpResponse:
    """GET /dev/mail/messages: a JSON list, newest first."""
    return JsonResponse([mail.as_json() for mail in messages()], safe=False)


@require_GET
def raw_view(_request: HttpRequest, mail_id: str) -> HttpResponse:
    """GET /dev/mail/messages/<id>.eml: the raw mail."""
    raw = _raw(mail_id)
    if raw is None:
        raise Http404  # a plain view: only pages and the API turn a Problem into an answer
    answer = HttpResponse(raw, content_type="message/rfc822")
    answer["Content-Disposition"] = f'attachment; filename="{mail_id}.eml"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


urlpatterns = [
    path("dev/mail/messages", list_view, name="caught-mails"),
    path("dev/mail/messages/<str:mail_id>.eml", raw_view, name="caught-mail-raw"),
]


def _raw(mail_id: str) -> bytes | None:
    if not _ID.fullmatch(mail_id):
        return None
    try:
        return (folder() / f"{mail_id}.eml").read_bytes()
    except FileNotFoundError:
        return None


def _read(file: Path) -> CaughtMail | None:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))  # Any: JSON
        return CaughtMail(
            id=data["id"],
            sender=data["from"],
            recipient=data["to"],
            subject=data["subject"],
            received_at=datetime.datetime.fromisoformat(data["received_at"]),
        )
    except (OSError, ValueError, KeyError):
        return None


def _described(raw: bytes) -> tuple[str, str]:
    try:
        mail = parse_mail(raw)
    except UnreadableMail:
        return "", ""
    return mail.senders[0].email if mail.senders else "", mail.subject

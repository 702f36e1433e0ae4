"""The demo's mailbox: everything the system sent, to be read as its recipients would."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from kernel.problems import NotFound
from ui.csp import FOREIGN_HTML
from ui.faces import face
from ui.pages import Page

from shared_apps.console import presenters
from shared_apps.console.mailbox import mailbox

SHOWN = 200


class MailList(Page):
    """The caught mails, newest first."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        _only_in_demo()
        mails = mailbox().messages()
        rows = [{"mail": mail, "face": face(mail.recipient, mail.recipient)} for mail in mails[:SHOWN]]
        return render(request, "console/mail_list.html", {**_frame(request), "rows": rows, "total": len(mails), "shown": SHOWN})


class MailView(Page):
    """One mail: its text, its markup in a sandboxed frame, its files by name."""

    is_public = True

    def get(self, request: HttpRequest, mail_id: str) -> HttpResponse:
        mail, parsed, raw = _found(mail_id)
        context = {**_frame(request), "mail": mail, "parsed": parsed, "size": len(raw), "face": face(mail.sender or "?", mail.sender)}
        return render(request, "console/mail.html", context)


class MailHtml(Page):
    """The markup of a mail, for the frame: under a policy that fetches and runs nothing."""

    is_public = True

    def get(self, request: HttpRequest, mail_id: str) -> HttpResponse:
        _, parsed, _ = _found(mail_id)
        return HttpResponse(parsed.html, headers={"Content-Security-Policy": FOREIGN_HTML})


def _found(mail_id: str) -> Any:  # Any: as mailbox().message()
    _only_in_demo()
    found = mailbox().message(mail_id)
    if found is None:
        raise NotFound
    return found


def _only_in_demo() -> None:
    if not settings.ATENDE_DEMO:
        raise NotFound


def _frame(request: HttpRequest) -> dict[str, Any]:  # Any: template context
    user: Any = request.user  # Any: an operator or nobody
    return {"section": "mail", "me": face(user.name, user.public_id) if user.is_authenticated else None, **presenters.environment()}

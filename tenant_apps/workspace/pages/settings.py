"""Settings for admins: what came in and what became of it, the isolation."""

import uuid
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound
from shared_apps.tenants.isolation import isolation_facts
from ui.pages import Page

from tenant_apps.intake import selectors as intake_reads
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundState
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.settings import intake_context, isolation_context


class Intake(Page):
    """Inbound events, newest first; parked ones with their reason."""

    permission = intake_reads.PERMISSION

    def get(self, request: HttpRequest) -> HttpResponse:
        user, state = member(request), request.GET.get("state", "")
        if state not in {"", *InboundState.values}:
            raise NotFound
        page = intake_reads.inbound_page(user, state=state, cursor=request.GET.get("cursor", ""), limit=30)
        context = {
            **frame(user),
            **intake_context(page.rows, intake_reads.inbound_counts(user), state),
            "section": "intake",
            "next_url": _page_url("/settings/intake/", state, page.next),
            "previous_url": _page_url("/settings/intake/", state, page.previous),
            "is_queued": "queued" in request.GET,
        }
        return render(request, "workspace/settings/intake.html", context)


class RunAgain(Page):
    """Puts a parked event back into the queue."""

    permission = intake_reads.PERMISSION

    def post(self, request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
        event = intake_reads.inbound_detail(member(request), event_id)
        if event is None:
            raise NotFound
        intake.reprocess(event=event)
        return redirect("/settings/intake/?queued=1")


class Isolation(Page):
    """How the tenant is kept apart from others, measured now. Nothing can be changed here."""

    permission = "access.isolation.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {**frame(member(request)), **isolation_context(isolation_facts()), "section": "isolation"}
        return render(request, "workspace/settings/isolation.html", context)


def _page_url(path: str, state: str, cursor: str | None) -> str:
    if cursor is None:
        return ""
    return f"{path}?{urlencode({**({'state': state} if state else {}), 'cursor': cursor})}"

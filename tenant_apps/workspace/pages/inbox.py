"""The list of tickets: views, segments, more rows, counts, missed events."""

import uuid
from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound
from shared_apps.events import log as event_log
from ui.pages import Page, is_fragment

from tenant_apps.workspace import live
from tenant_apps.workspace.pages.shell import chosen_list, frame, list_with_counts, member
from tenant_apps.workspace.presenters.rows import counts_context, list_context, view_choice


class Home(Page):
    """The start page of a tenant's host."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("/inbox/")


class Inbox(Page):
    """A view: the whole page, or the list alone for htmx."""

    permission = "tickets.ticket.read"

    def get(self, request: HttpRequest, view: str = "my") -> HttpResponse:
        user, choice = member(request), chosen_list(request, view)
        cursor = request.GET.get("cursor", "")
        if is_fragment(request) and cursor:
            return render(request, "workspace/inbox/rows.html", list_context(user, choice, cursor))
        seq = event_log.last_seq()
        context = {"seq": seq, **list_with_counts(user, choice, cursor)}
        if is_fragment(request):
            return render(request, "workspace/inbox/list_fragment.html", context)
        return render(request, "workspace/inbox/page.html", {**frame(user), **context})


class Counts(Page):
    """The numbers beside views and segments, as fragments for several places of the page."""

    permission = "tickets.ticket.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        address = urlsplit(request.GET.get("list", ""))
        view = address.path.removeprefix("/inbox/v/").strip("/") or "my"
        segment = parse_qs(address.query).get("s", ["open"])[0]
        try:
            context = counts_context(member(request), choice := view_choice(view, segment))
        except NotFound:
            context = counts_context(member(request), choice := view_choice("my", "open"))
        return render(request, "workspace/inbox/counts.html", {**context, "choice": choice})


class Since(Page):
    """Events after a sequence number with their fragments: what the socket would have sent."""

    permission = "events.event.read"

    def get(self, request: HttpRequest, seq: int, ticket_id: uuid.UUID | None = None) -> HttpResponse:
        return JsonResponse(live.missed_events(member(request), since=seq, open_ticket=ticket_id))

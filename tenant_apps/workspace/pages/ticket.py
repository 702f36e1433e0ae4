"""One ticket: thread, fields, solving and reopening."""

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from kernel import tenancy
from kernel.problems import FieldError, NotFound, Problem, ValidationProblem
from shared_apps.accounts.models import User
from ui.errors import sentence
from ui.pages import Page, is_fragment

from tenant_apps.access.selectors import AnyViewer
from tenant_apps.messaging import services as messaging
from tenant_apps.tickets import services
from tenant_apps.tickets.lookups import changes_from
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.reach import READ, WRITE, require_on_ticket
from tenant_apps.workspace.pages.shell import chosen_list, frame, list_with_counts, member
from tenant_apps.workspace.presenters.ticket import current_conversation, find_ticket, head_context, ticket_context

Change = Callable[[Ticket], Ticket]


class TicketPage(Page):
    """Thread and panel: inside the whole page, or alone for htmx. Opening a ticket marks it as read."""

    permission = READ

    def get(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        user = member(request)
        ticket = found(user, ticket_id)
        choice = chosen_list(request)
        context = {**ticket_context(user, ticket), "choice": choice}
        conversation = current_conversation(user, ticket)
        if conversation is not None and request.method == "GET" and not tenancy.current_tenant().is_read_only:
            messaging.mark_read(conversation=conversation, user=user)
        if is_fragment(request):
            return render(request, "workspace/inbox/ticket.html", context)
        return render(request, "workspace/inbox/page.html", {**frame(user), **list_with_counts(user, choice), **context})


class Fields(Page):
    """Changes of fields, checked against the version the person saw."""

    permission = WRITE

    def post(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        ticket = found(member(request), ticket_id, WRITE)
        body = changed_fields(request.POST)
        return answer_change(
            request,
            ticket,
            lambda ticket: services.update_ticket(ticket=ticket, changes=changes_from(body), expected_version=seen_version(request)),
        )


class Resolve(Page):
    """Solves the ticket."""

    permission = WRITE

    def post(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        ticket = found(member(request), ticket_id, WRITE)
        return answer_change(request, ticket, lambda ticket: services.solve_ticket(ticket=ticket, expected_version=seen_version(request)))


class Reopen(Page):
    """Opens a solved ticket again."""

    permission = WRITE

    def post(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        ticket = found(member(request), ticket_id, WRITE)
        return answer_change(request, ticket, lambda ticket: services.reopen_ticket(ticket=ticket, expected_version=seen_version(request)))


def found(user: User, ticket_id: uuid.UUID, code: str = READ) -> Ticket:
    """The ticket. Raises NotFound where it is not visible, NotAllowed where the person may not do this to it."""
    ticket = find_ticket(user, ticket_id)
    if ticket is None:
        raise NotFound
    if code != READ:
        require_on_ticket(user, code, ticket)
    return ticket


def changed_fields(form: QueryDict) -> dict[str, Any]:  # Any: values for the ticket's lookups
    """The fields a form carries. Each control sends its own; an empty person or team means nobody."""
    body: dict[str, Any] = {name: form[name] for name in ("status", "priority") if form.get(name)}
    for name in ("assignee_id", "team_id"):
        if name in form:
            body[name] = _uuid(form[name], name) if form[name] else None
    body["add_tags"] = [word for word in form.get("add_tags", "").split(",") if word.strip()]
    body["remove_tags"] = form.getlist("remove_tags")
    return body


def seen_version(request: HttpRequest) -> int | None:
    """The version the page was drawn from; a form without it does not mind."""
    version = request.POST.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None


def answer_change(request: HttpRequest, ticket: Ticket, change: Change) -> HttpResponse:
    """Head and fields as they are now; after a refusal with its reason, so that the next try starts from the present state."""
    problem = None
    try:
        ticket = change(ticket)
    except Problem as refused:
        problem = refused
    if not is_fragment(request):
        if problem is not None:
            raise problem
        return redirect(f"/inbox/{ticket.public_id}/")
    context = {
        **head_context(find_ticket(AnyViewer(), ticket.public_id) or ticket),  # the change may have taken it out of reach
        "problem": problem,
        "problem_text": _sentence(problem),
        "is_from_panel": "#f-" in request.headers.get("HX-Source", "") or "#tag-form" in request.headers.get("HX-Source", ""),
    }
    return render(request, "workspace/inbox/changed.html", context, status=problem.status if problem else 200)


def _sentence(problem: Problem | None) -> str:
    if problem is None:
        return ""
    if problem.status == 412:
        return _("Someone changed this ticket meanwhile. These are the present values; please try again.")
    return sentence(problem)


def _uuid(value: object, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError as error:
        raise ValidationProblem([FieldError(f"/{name}", "unknown", _("There is nothing with this id"))]) from error

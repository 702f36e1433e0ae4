"""The person's own security: password, e-mail address, and the browsers that are signed in."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound, ValidationProblem
from shared_apps.accounts import second_step, signing_in
from shared_apps.accounts import selectors as accounts_reads
from shared_apps.accounts import services as accounts
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.security import session_rows


class Security(Page):
    """Everything at one place."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return show_security(request, {})


class ChangePassword(Page):
    """A new password; this browser stays signed in, all others do not."""

    def post(self, request: HttpRequest) -> HttpResponse:
        user, key = member(request), request.session.session_key or ""
        try:
            accounts.change_password(
                user=user, current=request.POST.get("current_password", ""), new=request.POST.get("password", ""), session_key=key
            )
        except ValidationProblem as problem:
            return show_security(request, {"password_errors": messages_by_field(problem)}, status=422)
        signing_in.stay(request, user)
        return redirect("/me/security/?done=password")


class ChangeEmail(Page):
    """Sends the link to the new mailbox."""

    def post(self, request: HttpRequest) -> HttpResponse:
        email = request.POST.get("email", "")
        try:
            accounts.request_email_change(user=member(request), password=request.POST.get("current_password", ""), email=email)
        except ValidationProblem as problem:
            return show_security(request, {"email_errors": messages_by_field(problem), "wanted_email": email}, status=422)
        return redirect("/me/security/?done=email")


class EndSession(Page):
    """Signs one browser out."""

    def post(self, request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
        row = accounts_reads.sessions_of(member(request)).filter(public_id=session_id).first()
        if row is None:
            raise NotFound
        accounts.end_session(row=row)
        return redirect("/me/security/?done=session")


class EndOtherSessions(Page):
    """Signs all browsers out but this one."""

    def post(self, request: HttpRequest) -> HttpResponse:
        accounts.end_sessions(user=member(request), but=request.session.session_key or "")
        return redirect("/me/security/?done=sessions")


def show_security(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    """The page, with what a refused form has to say."""
    user = member(request)
    context = {
        **frame(user),
        "section": "security",
        "sessions": session_rows(list(accounts_reads.sessions_of(user)), request.session.session_key or ""),
        "has_second_step": second_step.is_enabled(user),
        "codes_left": second_step.recovery_codes_left(user),
        "done": request.GET.get("done", "") if status < 400 else "",
        **extra,
    }
    return render(request, "workspace/settings/security.html", context, status=status)

"""The person's own security: password, e-mail address, and the browsers that are signed in."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from kernel.problems import NotFound, ValidationProblem
from ui.forms import messages_by_field
from ui.pages import StepUp

from shared_apps.accounts import selectors as reads
from shared_apps.accounts import services as accounts
from shared_apps.accounts import signing_in
from shared_apps.accounts.pages.own import OwnPage, person

__all__ = ["ChangeEmail", "ChangePassword", "EndOtherSessions", "EndSession", "Security", "StepUp"]


class Security(OwnPage):
    """Everything at one place."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show_security(request, {})


class ChangePassword(OwnPage):
    """A new password; this browser stays signed in, all others do not."""

    def post(self, request: HttpRequest) -> HttpResponse:
        user, key = person(request), request.session.session_key or ""
        try:
            accounts.change_password(
                user=user, current=request.POST.get("current_password", ""), new=request.POST.get("password", ""), session_key=key
            )
        except ValidationProblem as problem:
            return self.show_security(request, {"password_errors": messages_by_field(problem)}, status=422)
        signing_in.stay(request, user)
        return redirect(f"{self.site.security}?done=password")


class ChangeEmail(OwnPage):
    """Sends the link to the new mailbox."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest) -> HttpResponse:
        email = request.POST.get("email", "")
        try:
            accounts.request_email_change(user=person(request), password=request.POST.get("current_password", ""), email=email)
        except ValidationProblem as problem:
            return self.show_security(request, {"email_errors": messages_by_field(problem), "wanted_email": email}, status=422)
        return redirect(f"{self.site.security}?done=email")


class EndSession(OwnPage):
    """Signs one browser out."""

    def post(self, request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
        row = reads.sessions_of(person(request)).filter(public_id=session_id).first()
        if row is None:
            raise NotFound
        accounts.end_session(row=row)
        return redirect(f"{self.site.security}?done=session")


class EndOtherSessions(OwnPage):
    """Signs all browsers out but this one."""

    def post(self, request: HttpRequest) -> HttpResponse:
        accounts.end_sessions(user=person(request), but=request.session.session_key or "")
        return redirect(f"{self.site.security}?done=sessions")

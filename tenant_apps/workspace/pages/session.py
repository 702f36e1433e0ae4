"""Signing in and out, and taking up an invitation."""

from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from kernel import tenancy
from kernel.clock import now
from kernel.problems import NotFound, ValidationProblem
from shared_apps.accounts import services as accounts
from shared_apps.accounts import signing_in
from shared_apps.accounts.errors import InvitationNotUsable
from shared_apps.accounts.models import Invitation, User
from shared_apps.accounts.services.invitations import find_invitation
from ui.forms import messages_by_field
from ui.pages import Page, SignInPage

from tenant_apps.sso import selectors as sso


class SignIn(SignInPage):
    """E-mail and password of a member of this tenant."""

    template = "workspace/sign_in.html"
    home = "/inbox/"

    def check(self, *, email: str, password: str) -> User:
        return accounts.check_credentials(email=email, password=password)

    def enter(self, request: HttpRequest, user: User) -> HttpResponse:
        target = self.target(request)
        return redirect("/sign-in/code/" if signing_in.begin(request, user, target) else target)


class SignOut(Page):
    """Ends the session."""

    is_public = True

    def post(self, request: HttpRequest) -> HttpResponse:
        logout(request)
        return redirect("/sign-in/")


class AcceptInvitation(Page):
    """The page behind the link of an invitation mail: a name, a password, and in. The link works once."""

    is_public = True

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = _open_invitation(token)
        return _form(request, invitation, {"name": invitation.name}, {})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = _open_invitation(token)
        name, password = request.POST.get("name", ""), request.POST.get("password", "")
        try:
            user = accounts.accept_invitation(invitation=invitation, name=name, password=password, language=get_language() or "")
        except ValidationProblem as problem:
            return _form(request, invitation, {"name": name}, messages_by_field(problem))
        if sso.is_enforced():  # the link proves the mailbox; the way in is the provider
            return redirect("/sign-in/")
        signing_in.enter(request, user, way="invitation")
        return redirect("/inbox/")


def _open_invitation(token: str) -> Invitation:
    accounts.count_link_try()
    invitation = find_invitation(token)
    if invitation is None:
        raise NotFound
    if not invitation.is_open(now()):
        raise InvitationNotUsable
    return invitation


def _form(request: HttpRequest, invitation: Invitation, values: dict[str, str], errors: dict[str, str]) -> HttpResponse:
    context: dict[str, Any] = {
        "invitation": invitation,
        "tenant": tenancy.current_tenant(),
        "values": values,
        "errors": errors,
    }  # Any: template context
    return render(request, "workspace/invitation.html", context, status=422 if errors else 200)

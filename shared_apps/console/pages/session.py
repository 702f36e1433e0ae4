"""Operators sign in on the base host; their log-ins live in the public schema."""

from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from ui.faces import face
from ui.pages import Page, SignInPage

from shared_apps.accounts import services as accounts
from shared_apps.accounts import signing_in
from shared_apps.accounts.models import User
from shared_apps.accounts.site import Site
from shared_apps.console import presenters
from shared_apps.tenants import selectors


def _frame(user: User) -> dict[str, Any]:  # Any: template context
    return {"me": face(user.name, user.public_id), "tenant_total": selectors.tenant_counts()["all"], **presenters.environment()}


SITE = Site(
    base="console/base.html", frame=_frame, home="/operator/tenants/", security="/operator/security/", has_mailbox=False, has_passkeys=False
)


class SignIn(SignInPage):
    """E-mail and password of an operator."""

    template = "console/sign_in.html"
    home = "/operator/tenants/"

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


class Home(Page):
    """The start page of the base host."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("/operator/tenants/")


class Theme(Page):
    """The theme alone, switched by a key."""

    def post(self, request: HttpRequest) -> HttpResponse:
        _change(request, theme=request.POST.get("theme", ""))
        return HttpResponse(status=204)


class Language(Page):
    """The language of the console."""

    def post(self, request: HttpRequest) -> HttpResponse:
        _change(request, language=request.POST.get("language", ""))
        return redirect("/operator/tenants/")


def _change(request: HttpRequest, **changed: str) -> None:
    user = request.user
    if isinstance(user, User):
        current = {"name": user.name, "language": user.language, "theme": user.theme, "time_zone": user.time_zone}
        accounts.update_profile(user=user, **{**current, **changed})

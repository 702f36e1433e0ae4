"""Signing in through an identity provider: off to it, and back."""

import secrets
import uuid
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel import tenancy
from kernel.actors import current_origin
from kernel.problems import NotFound
from shared_apps.accounts import second_step, signing_in
from shared_apps.accounts.models import User
from ui.pages import Page, safe_target

from tenant_apps.access.selectors import has_permission
from tenant_apps.sso import selectors, services
from tenant_apps.sso.errors import SignInRefused
from tenant_apps.sso.models import ATTEMPT_LIFETIME, Connection
from tenant_apps.workspace.presenters.sso import cause_words

HOME: Final = "/inbox/"
_BINDING: Final = "sso_binding"
_ANSWER: Final = ("state", "code", "error", "iss")


class Start(Page):
    """Sends the browser to the provider; what comes back is good in this browser's session alone."""

    is_public = True

    def get(self, request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
        services.count_try("start")
        found, ticket = selectors.connection(connection_id), request.GET.get("test", "")
        if found is None or not (_may_test(request, found, ticket) if ticket else found.is_open):
            raise NotFound
        own = services.own_address(request.get_full_path(), request.get_host())
        if own:
            return redirect(own)
        target = safe_target(request, request.GET.get("next", ""), HOME)
        if request.user.is_authenticated and not ticket:
            return redirect(target)
        try:
            address = services.depart(connection=found, binding=_binding(request), target=target, is_test=bool(ticket))
        except SignInRefused as refusal:
            return _refused(request, refusal)
        return redirect(address)


class Callback(Page):
    """Where every provider sends browsers back to. Whatever goes wrong here looks the same to a stranger."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        services.count_try("callback")
        answer = {name: request.GET[name] for name in _ANSWER if name in request.GET}
        by = request.user if isinstance(request.user, User) else None
        try:
            arrival = services.arrive(answer=answer, binding=request.session.get(_BINDING, ""), by=by)
        except SignInRefused as refusal:
            return _refused(request, refusal)
        if arrival.user is None:
            return redirect(f"/settings/sso/{arrival.connection.public_id}/?done=tested")
        target = safe_target(request, arrival.target, HOME)
        if second_step.is_enabled(arrival.user) and not arrival.connection.is_second_step_trusted:
            signing_in.wait_for_code(request, arrival.user, target)
            return redirect("/sign-in/code/")
        request.session.pop(_BINDING, None)
        signing_in.enter(request, arrival.user, way="sso")
        return redirect(target)


def _may_test(request: HttpRequest, found: Connection, ticket: str) -> bool:
    return has_permission(request.user, selectors.MANAGE) and services.is_test_ticket(found, ticket)


def _binding(request: HttpRequest) -> str:
    """What ties attempts to this browser's session; one that belongs to nobody yet need not last."""
    if _BINDING not in request.session:
        request.session[_BINDING] = secrets.token_urlsafe(32)
    if not request.user.is_authenticated:
        request.session.set_expiry(int(ATTEMPT_LIFETIME.total_seconds()))
    return str(request.session[_BINDING])


def _refused(request: HttpRequest, refusal: SignInRefused) -> HttpResponse:
    may_know = request.user.is_authenticated and has_permission(request.user, selectors.MANAGE)
    context = {
        "tenant": tenancy.current_tenant(),
        "reference": current_origin().request_id,
        "cause": cause_words(refusal.cause) if may_know else "",
    }
    return render(request, "workspace/sso_refused.html", context, status=refusal.status)

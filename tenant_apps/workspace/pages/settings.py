"""Settings for admins: what came in and what became of it, API keys, the isolation."""

import datetime
import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import FieldError, NotFound, ValidationProblem
from shared_apps.accounts import selectors as accounts_reads
from shared_apps.accounts import services as accounts
from shared_apps.tenants.isolation import isolation_facts
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.intake import selectors as intake_reads
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundState
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.settings import LIFETIMES, intake_context, isolation_context, key_rows


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


class ApiKeys(Page):
    """The keys of the tenant. A new key is shown in the answer to its creation and never again."""

    permission = "access.apikey.manage"

    def get(self, request: HttpRequest) -> HttpResponse:
        return _keys(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        name, days = request.POST.get("name", ""), request.POST.get("lifetime", "")
        if days not in {value for value, _ in LIFETIMES}:
            raise ValidationProblem([FieldError("/lifetime", "unknown", "")])
        lifetime = datetime.timedelta(days=int(days)) if days else None
        try:
            key, clear_text = accounts.create_api_key(user=member(request), name=name, lifetime=lifetime)
        except ValidationProblem as problem:
            return _keys(request, {"values": {"name": name, "lifetime": days}, "errors": messages_by_field(problem)}, status=422)
        return _keys(request, {"created": key, "clear_text": clear_text}, status=201)


class RevokeKey(Page):
    """Ends a key at once."""

    permission = "access.apikey.manage"

    def post(self, request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
        key = accounts_reads.api_keys().filter(public_id=key_id).first()
        if key is None:
            raise NotFound
        accounts.revoke_api_key(key=key)
        return redirect("/settings/keys/?revoked=1")


class Isolation(Page):
    """How the tenant is kept apart from others, measured now. Nothing can be changed here."""

    permission = "access.isolation.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {**frame(member(request)), **isolation_context(isolation_facts()), "section": "isolation"}
        return render(request, "workspace/settings/isolation.html", context)


def _keys(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    context = {
        **frame(member(request)),
        "section": "keys",
        "keys": key_rows(list(accounts_reads.api_keys())),
        "lifetimes": LIFETIMES,
        "is_revoked": "revoked" in request.GET,
        **extra,
    }
    return render(request, "workspace/settings/keys.html", context, status=status)


def _page_url(path: str, state: str, cursor: str | None) -> str:
    if cursor is None:
        return ""
    return f"{path}?{urlencode({**({'state': state} if state else {}), 'cursor': cursor})}"

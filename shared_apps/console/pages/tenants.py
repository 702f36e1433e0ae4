"""Tenants: the list, a new one, one in detail."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound, ValidationProblem
from ui.faces import face
from ui.forms import messages_by_field
from ui.pages import Page

from shared_apps.console import presenters
from shared_apps.tenants import selectors, services
from shared_apps.tenants.models import Tenant, TenantState

READ, WRITE = "tenants.tenant.read", "tenants.tenant.write"


class TenantList(Page):
    """All tenants, newest first, with search and states."""

    permission = READ

    def get(self, request: HttpRequest) -> HttpResponse:
        search, state = request.GET.get("q", "").strip()[:200], request.GET.get("state", "")
        if state not in {"", *TenantState.values}:
            raise NotFound
        page = selectors.tenant_page(search=search, state=state, cursor=request.GET.get("cursor", ""))
        counts = selectors.tenant_counts()
        context = {
            **_frame(request),
            "rows": presenters.tenant_rows(page.rows),
            "tabs": presenters.state_tabs(counts, state),
            "counts": counts,
            "search": search,
            "state": state,
            "next_url": _page_url(search, state, page.next),
            "previous_url": _page_url(search, state, page.previous),
        }
        return render(request, "console/tenants.html", context)


class TenantNew(Page):
    """The form for a new tenant."""

    permission = WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        return _form(request, {}, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        values = {name: request.POST.get(name, "") for name in ("name", "slug", "owner_email")}
        try:
            tenant = services.create_tenant(**values)
        except ValidationProblem as problem:
            return _form(request, values, messages_by_field(problem))
        return redirect(f"/operator/tenants/{tenant.public_id}/?created=1")


class TenantDetail(Page):
    """One tenant."""

    permission = READ

    def get(self, request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponse:
        context = {
            **_frame(request),
            **presenters.tenant_detail(_found(tenant_id)),
            "is_created": "created" in request.GET,
        }
        return render(request, "console/tenant.html", context)


class TenantSuspension(Page):
    """Suspends or resumes a tenant."""

    permission = WRITE
    action = ""

    def post(self, request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponse:
        tenant = _found(tenant_id)
        (services.suspend_tenant if self.action == "suspend" else services.resume_tenant)(tenant=tenant)
        return redirect(f"/operator/tenants/{tenant_id}/")


def _found(tenant_id: uuid.UUID) -> Tenant:
    tenant = selectors.tenants().filter(public_id=tenant_id).first()
    if tenant is None:
        raise NotFound
    return tenant


def _form(request: HttpRequest, values: dict[str, str], errors: dict[str, str]) -> HttpResponse:
    context = {**_frame(request), "values": values, "errors": errors, "suffix": selectors.host_of("")}
    return render(request, "console/tenant_new.html", context, status=422 if errors else 200)


def _frame(request: HttpRequest) -> dict[str, Any]:  # Any: template context
    user: Any = request.user  # Any: `Page` has turned anonymous visitors away
    return {"me": face(user.name, user.public_id), "tenant_total": selectors.tenant_counts()["all"], **presenters.environment()}


def _page_url(search: str, state: str, cursor: str | None) -> str:
    if cursor is None:
        return ""
    values = {key: value for key, value in {"q": search, "state": state, "cursor": cursor}.items() if value}
    return f"/operator/tenants/?{urlencode(values)}"

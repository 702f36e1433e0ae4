"""The fleet's migration: live figures, a run on request, one tenant tried again."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound, Problem
from ui.errors import sentence
from ui.faces import face
from ui.pages import Page, is_fragment

from shared_apps.console import presenters
from shared_apps.console.fleet import fleet_context
from shared_apps.tenants import selectors, services

READ, WRITE = "tenants.tenant.read", "tenants.tenant.write"
URL = "/operator/migrations/"


class Migrations(Page):
    """Where the fleet stands; the page asks for the same figures again while it is open."""

    permission = READ
    write_permission = WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        return _answer(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            services.request_run()
        except Problem as problem:
            return _answer(request, problem)
        return redirect(URL)


class MigrationRetry(Page):
    """Asks for one failed tenant to be tried again."""

    permission = WRITE

    def post(self, request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponse:
        tenant = selectors.tenants().filter(public_id=tenant_id).first()
        if tenant is None:
            raise NotFound
        try:
            services.request_tenant_migration(tenant=tenant)
        except Problem as problem:
            return _answer(request, problem)
        return redirect(URL)


def _answer(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    context = {**fleet_context(), "problem_text": sentence(problem) if problem else ""}
    if is_fragment(request):
        return render(request, "console/migrations_figures.html", context)
    user: Any = request.user  # Any: `Page` has turned anonymous visitors away
    frame = {
        "section": "migrations",
        "me": face(user.name, user.public_id),
        "tenant_total": selectors.tenant_counts()["all"],
        **presenters.environment(),
    }
    return render(request, "console/migrations.html", {**frame, **context}, status=problem.status if problem else 200)

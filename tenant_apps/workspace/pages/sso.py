"""Single sign-on for admins: identity providers, their domains, tests, and switching them on."""

import uuid
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from kernel.problems import FieldError, NotFound, Problem, ValidationProblem
from ui.errors import sentence
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.sso import selectors, services
from tenant_apps.sso.models import Connection, ConnectionDomain
from tenant_apps.sso.selectors import MANAGE, Mapping
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.access import scope_from
from tenant_apps.workspace.presenters.sso import connection_context, connections_context


class Connections(Page):
    """All connections; the form makes a new one, as a draft."""

    proof_methods = frozenset({"POST"})
    permission = MANAGE

    def get(self, request: HttpRequest) -> HttpResponse:
        return _all(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        typed = {name: request.POST.get(name, "") for name in ("name", "issuer", "client_id")}
        try:
            values = services.ConnectionValues(
                name=typed["name"],
                issuer=typed["issuer"],
                client_id=typed["client_id"],
                client_secret=request.POST.get("client_secret", ""),
            )
            found = services.create_connection(by=member(request), values=values)
        except Problem as problem:
            return _all(request, {"typed": typed, **_told(problem)}, problem.status)
        return redirect(f"/settings/sso/{found.public_id}/?done=created")


class ConnectionPart(Page):
    """What the forms of one connection share: a refusal is told in place."""

    proof_methods = frozenset({"POST"})
    permission: ClassVar[str] = MANAGE

    def post(self, request: HttpRequest, connection_id: uuid.UUID, **more: Any) -> HttpResponse:  # Any: URL arguments
        found = _find(connection_id)
        try:
            return self.act(request, found, **more)
        except NotFound:
            raise
        except Problem as problem:
            return _one(request, _find(connection_id), _told(problem), problem.status)

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        """Carries the form out."""
        raise NotImplementedError


class ConnectionPage(Page):
    """One connection: what it is, its domains and groups, its tests and refusals."""

    proof_methods = frozenset({"POST"})
    permission = MANAGE

    def get(self, request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
        return _one(request, _find(connection_id), {})

    def post(self, request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
        found, values = _find(connection_id), None
        try:
            values = _values(request)
            version = request.POST.get("version", "")
            seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
            services.update_connection(by=member(request), connection=found, values=values, expected_version=seen)
        except Problem as problem:
            return _one(request, _find(connection_id), _told(problem), problem.status, values)
        return redirect(f"/settings/sso/{connection_id}/?done=saved")


class State(ConnectionPart):
    """On, the only way in, or off."""

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        services.set_state(by=member(request), connection=found, state=request.POST.get("state", ""))
        return redirect(f"/settings/sso/{found.public_id}/?done=state")


class Test(ConnectionPart):
    """Shows the link of a test sign-in. A link and no redirect: a form may not lead to another host."""

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        address = services.address_for_test(by=member(request), connection=found)
        return _one(request, found, {"test_address": address}, 201)


class Delete(ConnectionPart):
    """Deletes a connection."""

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        services.delete_connection(by=member(request), connection=found)
        return redirect("/settings/sso/?done=deleted")


class Domains(ConnectionPart):
    """Adds a domain."""

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        services.add_domain(connection=found, domain=request.POST.get("domain", ""))
        return redirect(f"/settings/sso/{found.public_id}/?done=domain#domains")


class DomainChange(ConnectionPart):
    """Looks for a domain's record, or gives the domain up."""

    def act(self, request: HttpRequest, found: Connection, **more: Any) -> HttpResponse:  # Any: URL arguments
        domain, act = _domain(found, more["domain_id"]), request.POST.get("act", "")
        if act == "verify":
            services.verify_domain(by=member(request), domain=domain)
        elif act == "remove":
            services.remove_domain(by=member(request), domain=domain)
        else:
            raise NotFound
        return redirect(f"/settings/sso/{found.public_id}/?done={'proven' if act == 'verify' else 'domain'}#domains")


def _values(request: HttpRequest) -> services.ConnectionValues:
    """What stands in the form; an empty secret leaves the one there is. Raises ValidationProblem."""
    rows = zip(*(request.POST.getlist(name) for name in ("group", "role", "scope")), strict=False)
    return services.ConnectionValues(
        name=request.POST.get("name", ""),
        issuer=request.POST.get("issuer", ""),
        client_id=request.POST.get("client_id", ""),
        is_email_authoritative="is_email_authoritative" in request.POST,
        is_creating_users="is_creating_users" in request.POST,
        is_second_step_trusted="is_second_step_trusted" in request.POST,
        default_role=request.POST.get("default_role", ""),
        group_claim=request.POST.get("group_claim", ""),
        client_secret=request.POST.get("client_secret") or None,
        mappings=tuple(_mapping(group, role, scope) for group, role, scope in rows if group.strip()),
    )


def _mapping(group: str, role: str, scope: str) -> Mapping:
    if not role:
        raise ValidationProblem([FieldError("/group_roles", "required", _("Choose a role for each group"))])
    return Mapping(group.strip(), role, *scope_from(scope))


def _told(problem: Problem) -> dict[str, Any]:  # Any: template context
    errors = messages_by_field(problem) if isinstance(problem, ValidationProblem) else {}
    return {"errors": errors, "refusal": " ".join(errors.values()) or sentence(problem)}


def _all(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    context = {**frame(member(request)), "section": "sso", **connections_context(), "done": request.GET.get("done", ""), **extra}
    return render(request, "workspace/settings/sso.html", context, status=status)


def _one(
    request: HttpRequest, found: Connection, extra: dict[str, Any], status: int = 200, values: services.ConnectionValues | None = None
) -> HttpResponse:  # Any: template context
    context = {
        **frame(member(request)),
        "section": "sso",
        **connection_context(found, values),
        "done": request.GET.get("done", ""),
        **extra,
    }
    return render(request, "workspace/settings/sso_connection.html", context, status=status)


def _find(connection_id: uuid.UUID) -> Connection:
    found = selectors.connection(connection_id)
    if found is None:
        raise NotFound
    return found


def _domain(found: Connection, domain_id: uuid.UUID) -> ConnectionDomain:
    domain = selectors.domains_of(found).filter(public_id=domain_id).first()
    if domain is None:
        raise NotFound
    return domain

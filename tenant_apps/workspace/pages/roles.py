"""Roles and teams for admins."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound, Problem, ValidationProblem
from shared_apps.accounts.models import User
from ui.errors import sentence
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.access import selectors, services
from tenant_apps.access.models import CustomRole
from tenant_apps.access.permissions import CATALOGUE, RoleDefinition
from tenant_apps.access.reach import access_of, role_definitions
from tenant_apps.organization import selectors as organization
from tenant_apps.organization import services as teams
from tenant_apps.organization.models import Team
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.access import VISIBILITIES, matrix, role_rows


class Roles(Page):
    """All roles; the tenant's own can be changed."""

    permission = "access.role.manage"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {**frame(member(request)), "section": "roles", "rows": role_rows(), "done": request.GET.get("done", "")}
        return render(request, "workspace/settings/roles.html", context)


class RoleNew(Page):
    """A new role, empty or as a copy of another."""

    proof_methods = frozenset({"POST"})
    permission = "access.role.manage"

    def get(self, request: HttpRequest) -> HttpResponse:
        like = role_definitions().get(request.GET.get("like", ""))
        values = services.RoleValues(
            name="", permissions=like.codes if like else frozenset(), visibility=like.visibility if like else "all"
        )
        return _editor(request, None, values)

    def post(self, request: HttpRequest) -> HttpResponse:
        values = _values(request)
        try:
            services.create_role(by=member(request), values=values)
        except Problem as problem:
            return _editor(request, None, values, problem)
        return redirect("/settings/roles/?done=saved")


class Role(Page):
    """The matrix of one role. What would change is shown before it is saved."""

    proof_methods = frozenset({"POST"})
    permission = "access.role.manage"

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        definition = role_definitions().get(key)
        if definition is None:
            raise NotFound
        values = services.RoleValues(
            name=str(definition.name),
            description=str(definition.description),
            permissions=definition.codes,
            visibility=definition.visibility,
        )
        return _editor(request, definition, values)

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        role, definition, values = _custom(key), role_definitions()[key], _values(request)
        version = request.POST.get("version", "")
        if "confirmed" not in request.POST:
            return _editor(request, definition, values, is_preview=True)
        try:
            seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
            services.update_role(by=member(request), role=role, values=values, expected_version=seen)
        except Problem as problem:
            return _editor(request, definition, values, problem)
        return redirect("/settings/roles/?done=saved")


class RoleDelete(Page):
    """Deletes a role that nobody holds."""

    proof_methods = frozenset({"POST"})
    permission = "access.role.manage"

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        services.delete_role(by=member(request), role=_custom(key))
        return redirect("/settings/roles/?done=deleted")


class Teams(Page):
    """Teams with their members."""

    permission = "organization.team.manage"

    def get(self, request: HttpRequest) -> HttpResponse:
        return _teams(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            teams.create_team(name=request.POST.get("name", ""))
        except ValidationProblem as problem:
            return _teams(request, {"errors": messages_by_field(problem), "name": request.POST.get("name", "")}, problem.status)
        return redirect("/settings/teams/?done=saved")


class TeamChange(Page):
    """Renames a team, adds or takes out a member, or deletes it."""

    permission = "organization.team.manage"

    def post(self, request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
        team = organization.team_by_id(team_id)
        if team is None:
            raise NotFound
        try:
            _change(team, request)
        except Problem as problem:
            words = " ".join(messages_by_field(problem).values()) if isinstance(problem, ValidationProblem) else sentence(problem)
            return _teams(request, {"refusal": words}, problem.status)
        return redirect("/settings/teams/?done=saved")


def _change(team: Team, request: HttpRequest) -> None:
    act = request.POST.get("act", "")
    if act == "rename":
        teams.rename_team(team=team, name=request.POST.get("name", ""))
    elif act == "delete":
        teams.delete_team(team=team)
    elif act == "add":
        teams.add_team_member(team=team, user=_user(request))
    elif act == "remove":
        teams.remove_team_member(team=team, user=_user(request))
    else:
        raise NotFound


def _user(request: HttpRequest) -> User:
    try:
        found = selectors.member(uuid.UUID(request.POST.get("user_id", "")))
    except ValueError:
        found = None
    if found is None:
        raise NotFound
    return found


def _teams(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    everybody = list(organization.agents())
    rows = []
    for team in organization.teams_with_size().prefetch_related("members"):
        inside = {user.pk for user in team.members.all()}
        rows.append(
            {
                "team": team,
                "members": [user for user in everybody if user.pk in inside],
                "others": [user for user in everybody if user.pk not in inside],
            }
        )
    context = {**frame(member(request)), "section": "teams", "rows": rows, "done": request.GET.get("done", ""), **extra}
    return render(request, "workspace/settings/teams.html", context, status=status)


def _values(request: HttpRequest) -> services.RoleValues:
    return services.RoleValues(
        name=request.POST.get("name", ""),
        description=request.POST.get("description", ""),
        permissions=frozenset(request.POST.getlist("permissions")),
        visibility=request.POST.get("visibility", ""),
    )


def _editor(
    request: HttpRequest,
    definition: RoleDefinition | None,
    values: services.RoleValues,
    problem: Problem | None = None,
    *,
    is_preview: bool = False,
) -> HttpResponse:
    errors = messages_by_field(problem) if isinstance(problem, ValidationProblem) else {}
    before = definition.codes if definition else frozenset()
    context = {
        **frame(member(request)),
        "section": "roles",
        "definition": definition,
        "values": values,
        "areas": matrix(values.permissions, access_of(member(request)).tenant_codes),
        "visibilities": [(key, label, key == values.visibility) for key, label in VISIBILITIES.items()],
        "errors": errors,
        "refusal": sentence(problem) if problem and not errors else "",
        "is_preview": is_preview,
        "added": [CATALOGUE[code].text for code in sorted(values.permissions - before) if code in CATALOGUE],
        "removed": [CATALOGUE[code].text for code in sorted(before - values.permissions)],
        "members": selectors.holders_by_role().get(definition.key, 0) if definition else 0,
        "is_fixed": definition is not None and definition.is_system,
    }
    return render(request, "workspace/settings/role.html", context, status=problem.status if problem else 200)


def _custom(key: str) -> CustomRole:
    role = selectors.custom_role(key)
    if role is None:
        raise NotFound
    return role

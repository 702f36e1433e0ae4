"""Members for admins: who belongs here, with which roles, invitations, the end of access, and why somebody may do something."""

import uuid
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from kernel.problems import FieldError, NotFound, Problem, ValidationProblem
from shared_apps.accounts.models import Invitation, User
from ui.errors import sentence
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.access import selectors, services
from tenant_apps.access.errors import MayNotGrant
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.access import member_context, members_context, scope_from

PERMISSION = "access.member.manage"


class MemberPage(Page):
    """What these pages share: a refusal is told in place, on the page it came from."""

    permission: ClassVar[str] = PERMISSION

    def tell(self, request: HttpRequest, problem: Problem, user: User | None = None, values: dict[str, str] | None = None) -> HttpResponse:
        """The page again with what was refused."""
        errors = messages_by_field(problem) if isinstance(problem, ValidationProblem) else {}
        extra = {"errors": errors, "refusal": " ".join(errors.values()) or sentence(problem), "values": values or {}}
        return _one(request, user, extra, problem.status) if user else _all(request, extra, problem.status)


class Members(MemberPage):
    """Everybody, and the open invitations; the form invites."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return _all(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        values = {name: request.POST.get(name, "") for name in ("email", "role", "scope")}
        try:
            kind, scope = scope_from(values["scope"])
            services.invite_member(by=member(request), email=values["email"], role=values["role"], scope_kind=kind, scope=scope)
        except Problem as problem:
            return self.tell(request, problem, values=values)
        return redirect("/settings/members/?done=invited")


class InvitationRenew(MemberPage):
    """A new link by mail; the old one ends."""

    def post(self, request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
        try:
            services.renew_invitation(by=member(request), invitation=_invitation(invitation_id))
        except NotFound:
            raise
        except Problem as problem:
            return self.tell(request, problem)
        return redirect("/settings/members/?done=invited")


class InvitationWithdraw(MemberPage):
    """The link stops working."""

    def post(self, request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
        try:
            services.withdraw_invitation(by=member(request), invitation=_invitation(invitation_id))
        except MayNotGrant as problem:
            return self.tell(request, problem)
        return redirect("/settings/members/?done=withdrawn")


class Member(MemberPage):
    """One member: roles, an explanation on demand, what they see, the end of their access."""

    def get(self, request: HttpRequest, member_id: uuid.UUID) -> HttpResponse:
        user = _member(member_id)
        try:
            return _one(request, user, {})
        except ValidationProblem as problem:
            return self.tell(request, problem, user)


class MemberRoles(MemberPage):
    """Gives a role."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest, member_id: uuid.UUID) -> HttpResponse:
        user = _member(member_id)
        try:
            kind, scope = scope_from(request.POST.get("scope", ""))
            services.assign_role(by=member(request), user=user, role=request.POST.get("role", ""), scope_kind=kind, scope=scope)
        except Problem as problem:
            return self.tell(request, problem, user)
        return redirect(f"/settings/members/{member_id}/?done=given")


class MemberRoleTake(MemberPage):
    """Takes a role."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest, member_id: uuid.UUID, assignment_id: uuid.UUID) -> HttpResponse:
        user = _member(member_id)
        row = user.role_assignments.filter(public_id=assignment_id).first()
        if row is None:
            raise NotFound
        try:
            services.withdraw_role(by=member(request), assignment=row)
        except Problem as problem:
            return self.tell(request, problem, user)
        return redirect(f"/settings/members/{member_id}/?done=taken")


class MemberDeactivate(MemberPage):
    """Ends a member's access and hands on their open tickets."""

    def post(self, request: HttpRequest, member_id: uuid.UUID) -> HttpResponse:
        user, wanted = _member(member_id), request.POST.get("reassign_to", "")
        try:
            successor = _successor(wanted)
            services.deactivate_member(by=member(request), user=user, successor=successor)
        except Problem as problem:
            return self.tell(request, problem, user)
        return redirect(f"/settings/members/{member_id}/?done=ended")


def _successor(wanted: str) -> User | None:
    if not wanted:
        return None
    try:
        found = selectors.member(uuid.UUID(wanted))
    except ValueError:
        found = None
    if found is None:
        raise ValidationProblem([FieldError("/reassign_to", "unknown", _("There is nothing with this id"))])
    return found


def _all(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    search, cursor = request.GET.get("search", "")[:80], request.GET.get("cursor", "")
    context = {
        **frame(member(request)),
        **members_context(search, cursor),
        "section": "members",
        "done": request.GET.get("done", ""),
        **extra,
    }
    return render(request, "workspace/settings/members.html", context, status=status)


def _one(request: HttpRequest, user: User, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    code, number = (request.GET.get(name, "")[:80] for name in ("permission", "ticket")) if not extra else ("", "")
    context = {
        **frame(member(request)),
        **member_context(user, code=code, number=number),
        "section": "members",
        "done": request.GET.get("done", ""),
    }
    return render(request, "workspace/settings/member.html", {**context, **extra}, status=status)


def _member(member_id: uuid.UUID) -> User:
    found = selectors.member(member_id)
    if found is None:
        raise NotFound
    return found


def _invitation(invitation_id: uuid.UUID) -> Invitation:
    found = selectors.open_invitations().filter(public_id=invitation_id).first()
    if found is None:
        raise NotFound
    return found

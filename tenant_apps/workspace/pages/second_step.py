"""The second step of signing in: asked for after the password, and set up on the page of one's own security."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from kernel import tenancy
from kernel.problems import Problem, ValidationProblem
from shared_apps.accounts import second_step, signing_in
from shared_apps.accounts import services as accounts
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.workspace.pages.security import show_security
from tenant_apps.workspace.pages.shell import frame, member


class SignInCode(Page):
    """A code after the password. Until it is right, the browser is nobody."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        if signing_in.waiting(request) is None:
            return redirect("/sign-in/")
        return _ask(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        found = signing_in.waiting(request)
        if found is None or not isinstance(request.user, AnonymousUser):
            return redirect("/sign-in/")
        user, target = found
        try:
            kind = accounts.take_second_step(user=user, code=request.POST.get("code", ""))
        except Problem as problem:
            answer = _ask(request, problem)
            for name, value in problem.headers.items():
                answer[name] = value
            return answer
        signing_in.enter(request, user, way=kind)
        return redirect(target)


class BeginSecondStep(Page):
    """Shows a fresh QR code. Nothing is stored: the secret comes back, sealed, with the first code."""

    def post(self, request: HttpRequest) -> HttpResponse:
        secret, enrolment = second_step.begin(member(request))
        return _enrol(request, secret, enrolment, {})


class EnableSecondStep(Page):
    """The first code and the password; the answer shows the recovery codes, this once."""

    def post(self, request: HttpRequest) -> HttpResponse:
        user, enrolment = member(request), request.POST.get("enrolment", "")
        try:
            codes = accounts.enable_second_step(
                user=user, password=request.POST.get("current_password", ""), enrolment=enrolment, code=request.POST.get("code", "")
            )
        except ValidationProblem as problem:
            secret = second_step.secret_in(user, enrolment)
            if secret is None:
                return show_security(request, {"second_step_errors": messages_by_field(problem)}, status=422)
            return _enrol(request, secret, enrolment, messages_by_field(problem))
        return _codes(request, codes)


class DisableSecondStep(Page):
    """The password alone signs in again."""

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            accounts.disable_second_step(
                user=member(request), password=request.POST.get("current_password", ""), code=request.POST.get("code", "")
            )
        except Problem as problem:
            return _refused(request, problem)
        return redirect("/me/security/?done=second-step")


class RenewRecoveryCodes(Page):
    """Fresh recovery codes, shown this once."""

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            codes = accounts.renew_recovery_codes(user=member(request), password=request.POST.get("current_password", ""))
        except Problem as problem:
            return _refused(request, problem)
        return _codes(request, codes)


def _ask(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    context = {"tenant": tenancy.current_tenant(), "problem": problem}
    return render(request, "workspace/sign_in_code.html", context, status=problem.status if problem else 200)


def _enrol(request: HttpRequest, secret: str, enrolment: str, errors: dict[str, str]) -> HttpResponse:
    user = member(request)
    context: dict[str, Any] = {  # Any: template context
        **frame(user),
        "section": "security",
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "enrolment": enrolment,
        "errors": errors,
        "qr": mark_safe(second_step.svg_of(second_step.uri_of(user, secret))),  # noqa: S308 (drawn by the library: paths only)
    }
    return render(request, "workspace/settings/second_step.html", context, status=422 if errors else 200)


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {**frame(member(request)), "section": "security", "codes": codes}
    return render(request, "workspace/settings/recovery_codes.html", context, status=201)


def _refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    errors = messages_by_field(problem) if isinstance(problem, ValidationProblem) else {"code": str(problem.title)}
    return show_security(request, {"second_step_errors": errors}, status=problem.status if problem.status != 401 else 422)

"""The second step of signing in: asked for after the password, and set up on the page of one's own security."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from kernel import tenancy
from kernel.problems import Problem, ValidationProblem
from ui.forms import messages_by_field

from shared_apps.accounts import second_step, signing_in
from shared_apps.accounts import services as accounts
from shared_apps.accounts.pages.own import OwnPage, person


class SignInCode(OwnPage):
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


class BeginSecondStep(OwnPage):
    """Shows a fresh QR code. Nothing is stored: the secret comes back, sealed, with the first code."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest) -> HttpResponse:
        secret, enrolment = second_step.begin(person(request))
        return _enrol(self, request, secret, enrolment, {})


class EnableSecondStep(OwnPage):
    """The first code and the password; the answer shows the recovery codes, this once."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest) -> HttpResponse:
        user, enrolment = person(request), request.POST.get("enrolment", "")
        try:
            codes = accounts.enable_second_step(
                user=user, password=request.POST.get("current_password", ""), enrolment=enrolment, code=request.POST.get("code", "")
            )
        except ValidationProblem as problem:
            secret = second_step.secret_in(user, enrolment)
            if secret is None:
                return self.show_security(request, {"second_step_errors": messages_by_field(problem)}, status=422)
            return _enrol(self, request, secret, enrolment, messages_by_field(problem))
        return self.show(request, "recovery_codes", {"codes": codes}, status=201)


class DisableSecondStep(OwnPage):
    """The password alone signs in again."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            accounts.disable_second_step(
                user=person(request), password=request.POST.get("current_password", ""), code=request.POST.get("code", "")
            )
        except Problem as problem:
            return _refused(self, request, problem)
        return redirect(f"{self.site.security}?done=second-step")


class RenewRecoveryCodes(OwnPage):
    """Fresh recovery codes, shown this once."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            codes = accounts.renew_recovery_codes(user=person(request), password=request.POST.get("current_password", ""))
        except Problem as problem:
            return _refused(self, request, problem)
        return self.show(request, "recovery_codes", {"codes": codes}, status=201)


def _ask(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    found = signing_in.waiting(request)
    context = {
        "tenant": tenancy.current_scope().tenant,
        "problem": problem,
        "has_passkey": found is not None and second_step.has_passkey(found[0]),
        "target": found[1] if found else "/",
    }
    return render(request, "accounts/sign_in_code.html", context, status=problem.status if problem else 200)


def _enrol(page: OwnPage, request: HttpRequest, secret: str, enrolment: str, errors: dict[str, str]) -> HttpResponse:
    user = person(request)
    context: dict[str, Any] = {  # Any: template context
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "enrolment": enrolment,
        "errors": errors,
        "has_password": user.has_usable_password(),
        "qr": mark_safe(second_step.svg_of(second_step.uri_of(user, secret))),  # noqa: S308 (drawn by the library: paths only)
    }
    return page.show(request, "second_step", context, status=422 if errors else 200)


def _refused(page: OwnPage, request: HttpRequest, problem: Problem) -> HttpResponse:
    errors = messages_by_field(problem) if isinstance(problem, ValidationProblem) else {"code": str(problem.title)}
    return page.show_security(request, {"second_step_errors": errors}, status=problem.status if problem.status != 401 else 422)

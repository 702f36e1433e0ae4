"""The base of all pages: who may see it, in which time zone, and what becomes of a refusal."""

import zoneinfo
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from kernel.permissions import require
from kernel.problems import NotAllowed, Problem, ValidationProblem
from kernel.proofs import proofs
from kernel.refusals import note_refusal

from ui.errors import problem_page
from ui.forms import messages_by_field

_PROOF_FIELDS = frozenset({"proof_password", "proof_code"})
_NOT_CARRIED = _PROOF_FIELDS | {"csrfmiddlewaretoken"}


class Page(View):
    """Subclasses name a permission code, or none for everyone who is signed in. A `Problem` becomes an error page or fragment.

    Methods in `proof_methods` want a person who has just shown that it is them; the page that asks carries the form along.
    """

    permission: ClassVar[str] = ""
    write_permission: ClassVar[str] = ""
    is_public: ClassVar[bool] = False
    proof_methods: ClassVar[frozenset[str]] = frozenset()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # Any: URL arguments
        if not self.is_public and isinstance(request.user, AnonymousUser):
            return _finished(to_sign_in(request))
        try:
            self._authorise(request)
            question = prove_first(request) if request.method in self.proof_methods else None
            if question is not None:
                return _finished(question)
            with timezone.override(_zone(request)):
                return _finished(super().dispatch(request, *args, **kwargs))
        except Problem as problem:
            if isinstance(problem, NotAllowed) and request.user.is_authenticated:
                note_refusal(method=str(request.method), path=request.path, reason=str(problem.detail), ids=kwargs.values())
            return _finished(problem_page(request, problem))

    def _authorise(self, request: HttpRequest) -> None:
        code = (request.method == "POST" and self.write_permission) or self.permission
        if code:
            require(request.user, code)


class SignInPage(Page):
    """The sign-in form. Subclasses check the credentials and say where to go."""

    is_public: ClassVar[bool] = True
    template: ClassVar[str] = ""
    home: ClassVar[str] = "/"

    def check(self, *, email: str, password: str) -> Any:  # Any: the user model of the project
        """The user behind the credentials. Raises a Problem, whose title is shown."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect(self.target(request))
        context = {"next": request.GET.get("next", ""), "done": request.GET.get("done", ""), "target": self.target(request)}
        return render(request, self.template, context)

    def post(self, request: HttpRequest) -> HttpResponse:
        email = request.POST.get("email", "")
        try:
            user = self.check(email=email, password=request.POST.get("password", ""))
        except Problem as problem:
            context = {"email": email, "next": request.POST.get("next", ""), "problem": problem, "target": self.target(request)}
            answer = render(request, self.template, context, status=problem.status)
            for name, value in problem.headers.items():
                answer[name] = value
            return answer
        return self.enter(request, user)

    def enter(self, request: HttpRequest, user: Any) -> HttpResponse:  # Any: the user model of the project
        """Lets the user in. The session gets a fresh key, whatever the browser had before."""
        login(request, user)
        return redirect(self.target(request))

    def target(self, request: HttpRequest) -> str:
        """Where the sign-in leads: the wanted page where it is one of this host, otherwise the home."""
        return wanted_page(request) or self.home


class StepUp(Page):
    """Asks a person to show again that it is them, and leads on."""

    home: ClassVar[str] = "/"

    def get(self, request: HttpRequest) -> HttpResponse:
        target = wanted_page(request) or self.home
        return redirect(target) if proofs().is_fresh(request) else ask_for_proof(request, target=target)

    def post(self, request: HttpRequest) -> HttpResponse:
        target = wanted_page(request) or self.home
        return prove_first(request, target=target) or redirect(target)


def wanted_page(request: HttpRequest) -> str:
    """The page that `next` names, where it is one of this host; otherwise nothing."""
    return safe_target(request, request.POST.get("next") or request.GET.get("next") or "", "")


def safe_target(request: HttpRequest, wanted: str, home: str) -> str:
    """The wanted page where it is one of this host, otherwise `home`."""
    is_safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if is_safe else home


def prove_first(request: HttpRequest, target: str = "") -> HttpResponse | None:
    """None once the person has shown that it is them, if need be with what this form brings; otherwise the page that asks."""
    if proofs().is_fresh(request):
        return None
    if request.method == "POST" and not _PROOF_FIELDS.isdisjoint(request.POST):
        try:
            proofs().prove(request, password=request.POST.get("proof_password", ""), code=request.POST.get("proof_code", ""))
        except Problem as problem:
            return ask_for_proof(request, target=target, problem=problem)
        return None
    if is_fragment(request):
        address = "/step-up/?" + urlencode({"next": urlsplit(request.headers.get("HX-Current-URL", "/")).path or "/"})
        return HttpResponse(status=403, headers={"HX-Redirect": address})
    if request.method == "GET":
        return redirect("/step-up/?" + urlencode({"next": request.get_full_path()}))
    return ask_for_proof(request, target=target)


def ask_for_proof(request: HttpRequest, *, target: str = "", problem: Problem | None = None) -> HttpResponse:
    """The page that asks. What a form has brought goes along in hidden fields, so that nothing is typed twice."""
    kept = {"next": [target]} if target else dict(request.POST.lists())
    context = {
        "action": "/step-up/" if target else request.get_full_path(),
        "carried": [(name, value) for name, values in kept.items() for value in values if name not in _NOT_CARRIED],
        "ways": proofs().ways(request),
        "problem": problem,
        "words": messages_by_field(problem) if isinstance(problem, ValidationProblem) else {},
    }
    answer = render(request, "ui/step_up.html", context, status=problem.status if problem else 403 if request.method == "POST" else 200)
    for name, value in (problem.headers if problem else {}).items():
        answer[name] = value
    return answer


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx or a script asked for a part of the page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Sends a person to the sign-in form and back afterwards; a script gets 401 and the address."""
    if is_fragment(request):
        address = "/sign-in/?" + urlencode({"next": urlsplit(request.headers.get("HX-Current-URL", "/")).path or "/"})
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    wanted = request.get_full_path() if request.method == "GET" else "/"
    return redirect("/sign-in/" if wanted == "/" else "/sign-in/?" + urlencode({"next": wanted}))


def _zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(getattr(request.user, "time_zone", "UTC") or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def _finished(answer: HttpResponseBase) -> HttpResponseBase:
    """Pages hold people's data: no shared cache keeps them, and the fragment is never taken for the page."""
    answer.headers.setdefault("Cache-Control", "private, no-store")
    patch_vary_headers(answer, ["HX-Request", "Cookie"])
    return answer

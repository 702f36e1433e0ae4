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
from kernel.problems import NotAllowed, Problem
from kernel.refusals import note_refusal

from ui.errors import problem_page


class Page(View):
    """Subclasses name a permission code, or none for everyone who is signed in. A `Problem` becomes an error page or fragment."""

    permission: ClassVar[str] = ""
    write_permission: ClassVar[str] = ""
    is_public: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # Any: URL arguments
        if not self.is_public and isinstance(request.user, AnonymousUser):
            return _finished(to_sign_in(request))
        try:
            self._authorise(request)
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
        return render(request, self.template, {"next": request.GET.get("next", ""), "done": request.GET.get("done", "")})

    def post(self, request: HttpRequest) -> HttpResponse:
        email = request.POST.get("email", "")
        try:
            user = self.check(email=email, password=request.POST.get("password", ""))
        except Problem as problem:
            context = {"email": email, "next": request.POST.get("next", ""), "problem": problem}
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
        return safe_target(request, request.POST.get("next") or request.GET.get("next") or "", self.home)


def safe_target(request: HttpRequest, wanted: str, home: str) -> str:
    """The wanted page where it is one of this host, otherwise `home`."""
    is_safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if is_safe else home


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

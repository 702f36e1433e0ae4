"""What users set for themselves: name, language, theme, time zone."""

import zoneinfo
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from kernel.problems import ValidationProblem
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import Language, Theme, User
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.workspace.pages.shell import frame, member

_REGIONS = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


class Profile(Page):
    """The form at /me/."""

    def get(self, request: HttpRequest) -> HttpResponse:
        user = member(request)
        values = {"name": user.name, "language": user.language, "theme": user.theme, "time_zone": user.time_zone}
        return _form(request, user, values, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        user = member(request)
        values = {name: request.POST.get(name, "") for name in ("name", "language", "theme", "time_zone")}
        try:
            accounts.update_profile(user=user, **values)
        except ValidationProblem as problem:
            return _form(request, user, values, messages_by_field(problem))
        return redirect("/me/?saved=1")


class ThemeChoice(Page):
    """The theme alone, switched by a key."""

    def post(self, request: HttpRequest) -> HttpResponse:
        user = member(request)
        accounts.update_profile(
            user=user, name=user.name, language=user.language, theme=request.POST.get("theme", ""), time_zone=user.time_zone
        )
        return HttpResponse(status=204)


def _form(request: HttpRequest, user: User, values: dict[str, str], errors: dict[str, str]) -> HttpResponse:
    zones = sorted(name for name in zoneinfo.available_timezones() if name == "UTC" or name.startswith(_REGIONS))
    context: dict[str, Any] = {  # Any: template context
        **frame(user),
        "section": "me",
        "values": values,
        "errors": errors,
        "languages": Language.choices,
        "themes": Theme.choices,
        "zones": zones if values["time_zone"] in zones else [values["time_zone"], *zones],
        "is_saved": "saved" in request.GET and not errors,
    }
    with translation.override(user.language):
        return render(request, "workspace/settings/me.html", context, status=422 if errors else 200)

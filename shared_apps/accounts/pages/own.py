"""The base of the pages of one's own log-in."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from kernel.crypto import digest
from ui.pages import Page

from shared_apps.accounts import passkeys, second_step
from shared_apps.accounts import selectors as reads
from shared_apps.accounts.devices import device_of
from shared_apps.accounts.models import User, UserSession
from shared_apps.accounts.site import Site


class OwnPage(Page):
    """For whoever is signed in; `site` says where."""

    site: ClassVar[Site] = None  # type: ignore[assignment]  # given with the route

    def show(self, request: HttpRequest, template: str, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
        """One of our templates inside the site's frame."""
        context = {**self.site.frame(person(request)), "site": self.site, "section": "security", **extra}
        return render(request, f"accounts/{template}.html", context, status=status)

    def show_security(self, request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
        """The page of one's own security, with what a refused form has to say."""
        user = person(request)
        context = {
            "sessions": session_rows(list(reads.sessions_of(user)), request.session.session_key or ""),
            "has_second_step": second_step.is_enabled(user),
            "has_app": second_step.has_app(user),
            "passkeys": [passkeys.passkey_json(row) for row in passkeys.passkeys_of(user)],
            "codes_left": second_step.recovery_codes_left(user),
            "has_password": user.has_usable_password(),
            "done": request.GET.get("done", "") if status < 400 else "",
            **extra,
        }
        return self.show(request, "security", context, status)


def person(request: HttpRequest) -> User:
    """The signed-in user; `Page` has turned everyone else away."""
    if not isinstance(request.user, User):
        raise TypeError("Only pages that require a sign-in ask this")
    return request.user


def session_rows(rows: list[UserSession], session_key: str) -> list[dict[str, Any]]:  # Any: template context
    """The sessions with the name of their device, the present one first."""
    here = digest(session_key)
    shown = [{"row": row, "device": _device(row.user_agent), "is_current": row.session_digest == here} for row in rows]
    return sorted(shown, key=lambda one: not one["is_current"])


def _device(user_agent: str) -> str:
    browser, system = device_of(user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")

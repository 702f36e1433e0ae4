"""What the routes of one's own log-in have in common."""

from typing import ClassVar

from kernel.api.views import ApiView
from rest_framework.request import Request

from shared_apps.accounts.errors import BrowserNeeded


class OwnView(ApiView):
    """A session's person needs no role here; a key needs what every role holds."""

    tag = "access"
    is_own: ClassVar[bool] = True
    permission: ClassVar[str] = "organization.member.read"


class BrowserView(OwnView):
    """A route whose changes only make sense in a browser that is signed in."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.auth is not None and request.method not in {"GET", "HEAD"}:
            raise BrowserNeeded


def session_key(request: Request) -> str:
    """Empty for an API key."""
    return "" if request.auth is not None else str(request._request.session.session_key or "")

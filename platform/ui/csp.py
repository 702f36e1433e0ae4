"""The content security policy of every page: own files only, no inline script or style element, no framing."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For our own pages. `style-src-attr` lets an avatar carry its hue; elements with markup of others are sanitised."""

FOREIGN_HTML: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)
"""For a document written by someone else, shown in a sandboxed frame: nothing is fetched and nothing runs."""

_HEADER: Final = "Content-Security-Policy"


class CspMiddleware:
    """Adds the policy of our pages where the view has not set a policy of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header(_HEADER):
            response[_HEADER] = PAGE
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        return response

"""Who is signed in, and in which language they read."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from kernel import tenancy
from kernel.actors import Actor, acting_as

from shared_apps.accounts.models import User
from shared_apps.accounts.services.sessions import see_session

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class UserMiddleware:
    """Sets `request.user` and names the actor. A request without the session cookie costs no query."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.user = get_user(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else AnonymousUser()
        if not isinstance(request.user, User):
            return self.get_response(request)
        see_session(user=request.user, session=request.session)
        kind = "user" if tenancy.current_scope().tenant else "operator"
        with acting_as(Actor(kind=kind, id=request.user.public_id, name=request.user.name)):  # type: ignore[arg-type]  # one of the two literals
            return self.get_response(request)


class LanguageMiddleware:
    """The user's language, otherwise the browser's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        language = user.language if isinstance(user, User) else translation.get_language_from_request(request)
        with translation.override(language):
            answer = self.get_response(request)
            answer.headers.setdefault("Content-Language", language)
            return answer

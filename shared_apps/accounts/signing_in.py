"""Letting a browser in, and keeping it in: where Django's sign-in and our description of the session meet."""

from django.contrib.auth import login, update_session_auth_hash
from django.http import HttpRequest

from shared_apps.accounts.models import User
from shared_apps.accounts.services.sessions import carry_session, open_session

BACKEND = "shared_apps.accounts.backends.EmailBackend"


def enter(request: HttpRequest, user: User, *, way: str = "password") -> None:
    """Signs the browser in under a fresh session key; whoever knew the one from before has nothing."""
    login(request, user, backend=BACKEND)
    open_session(user=user, session=request.session, way=way)


def stay(request: HttpRequest, user: User) -> None:
    """Keeps this browser signed in after the user's password has changed, under a fresh session key."""
    former = request.session.session_key or ""
    update_session_auth_hash(request, user)
    carry_session(user=user, former_key=former, session=request.session)

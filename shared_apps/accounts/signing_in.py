"""Letting a browser in, and keeping it in: where Django's sign-in and our description of the session meet."""

from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from kernel import crypto
from kernel.clock import now

from shared_apps.accounts import second_step
from shared_apps.accounts.models import User
from shared_apps.accounts.proofs import PROVEN_AT
from shared_apps.accounts.services.sessions import carry_session, open_session

BACKEND = "shared_apps.accounts.backends.EmailBackend"
WAITING_SECONDS = 600
_WAITING = "waiting_for_code"


def enter(request: HttpRequest, user: User, *, way: str = "password") -> None:
    """Signs the browser in under a fresh session key; whoever knew the one from before has nothing."""
    request.session.pop(_WAITING, None)
    login(request, user, backend=BACKEND)
    request.session[PROVEN_AT] = int(now().timestamp())
    open_session(user=user, session=request.session, way=way)


def stay(request: HttpRequest, user: User) -> None:
    """Keeps this browser signed in after the user's password has changed, under a fresh session key."""
    former = request.session.session_key or ""
    update_session_auth_hash(request, user)
    carry_session(user=user, former_key=former, session=request.session)


def begin(request: HttpRequest, user: User, target: str = "/") -> list[str]:
    """After the first step: lets the user in, or says by what means the second step is taken and waits for it."""
    if not second_step.is_enabled(user):
        enter(request, user)
        return []
    wait_for_code(request, user, target)
    return ["code", *(["passkey"] if second_step.has_passkey(user) else [])]


def wait_for_code(request: HttpRequest, user: User, target: str) -> None:
    """Remembers in a fresh, anonymous session whose password was right. It proves nothing but that, for ten minutes."""
    request.session.flush()
    request.user = AnonymousUser()
    request.session.set_expiry(WAITING_SECONDS)
    request.session[_WAITING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "until": int(now().timestamp()) + WAITING_SECONDS,
        "next": target,
    }


def waiting(request: HttpRequest) -> tuple[User, str] | None:
    """Who still owes a code, and where they want to go; None once it took too long or the password has changed."""
    found = request.session.get(_WAITING)
    if not isinstance(found, dict) or found["until"] < now().timestamp():
        return None
    user = User.objects.filter(pk=found["user"], is_active=True).first()
    if user is None or not crypto.same(found["hash"], user.get_session_auth_hash()):
        return None
    return user, str(found["next"])

"""The browsers that are signed in: described, seen, ended."""

import datetime

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from kernel import tenancy
from kernel.actors import Actor, ActorKind, acting_as, current_origin
from kernel.clock import now
from kernel.crypto import digest
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts.models import User, UserSession
from shared_apps.accounts.selectors import live_sessions, sessions_of

SEEN_GRAIN = datetime.timedelta(minutes=5)
LIFETIME = datetime.timedelta(days=14)
_SEEN = "seen_at"


def open_session(*, user: User, session: SessionBase, way: str = "password") -> UserSession:
    """Describes the session that a sign-in has just given a fresh key. It ends after two weeks, however often it is used.

    Whoever signs in was nobody until now, so the entry is written in their name.
    """
    kind: ActorKind = "operator" if tenancy.current_scope().tenant is None else "user"
    with acting_as(Actor(kind=kind, id=user.public_id, name=user.name)):
        return _open(user=user, session=session, way=way)


@unit_of_work
def _open(*, user: User, session: SessionBase, way: str) -> UserSession:
    session.set_expiry(now() + LIFETIME)
    session[_SEEN] = int(now().timestamp())
    session.save()
    row = _describe(user, session)
    record_audit(action="session.open", object_type="user_session", object_id=row.public_id, changes={"way": [None, way]})
    return row


def see_session(*, user: User, session: SessionBase) -> None:
    """Notes that the session is in use, at most once in five minutes. In a tenant that is being moved nothing is written."""
    moment = int(now().timestamp())
    tenant = tenancy.current_scope().tenant
    if moment - int(session.get(_SEEN, 0)) < SEEN_GRAIN.total_seconds() or (tenant is not None and tenant.is_read_only):
        return
    session[_SEEN] = moment
    with unit_of_work():
        _describe(user, session)


@unit_of_work
def end_session(*, row: UserSession) -> None:
    """Signs one browser out, at once; its sockets are cut when they are next looked at, within seconds."""
    live_sessions().filter(key_digest=row.session_digest).delete()
    record_audit(action="session.end", object_type="user_session", object_id=row.public_id)
    row.delete()


@unit_of_work
def end_sessions(*, user: User, but: str = "") -> int:
    """Signs the user out everywhere, except in the session with the key `but`. Returns how many browsers that were."""
    rows = sessions_of(user).exclude(session_digest=digest(but))
    digests = list(rows.values_list("session_digest", flat=True))
    live_sessions().filter(key_digest__in=digests).delete()
    UserSession.objects.filter(session_digest__in=digests).delete()
    record_audit(action="session.end_all", object_type="user", object_id=user.public_id, changes={"count": [None, len(digests)]})
    return len(digests)


@unit_of_work
def carry_session(*, user: User, former_key: str, session: SessionBase) -> None:
    """The session has got a new key: what is known of it stays."""
    session.save()
    if not UserSession.objects.filter(session_digest=digest(former_key)).update(session_digest=digest(session.session_key or "")):
        _describe(user, session)


def forget_ended_sessions() -> int:
    """Removes the descriptions of sessions that are over, and Django's own rows of those that ran out. Returns how many."""
    Session.objects.filter(expire_date__lte=now()).delete()
    deleted, _ = UserSession.objects.exclude(session_digest__in=live_sessions().values("key_digest")).delete()
    return deleted


def _describe(user: User, session: SessionBase) -> UserSession:
    origin = current_origin()
    known = {"user": user, "ip": origin.ip, "user_agent": origin.user_agent, "last_seen_at": now()}
    row, _ = UserSession.objects.update_or_create(session_digest=digest(session.session_key or ""), defaults=known)
    return row

"""Reads of log-ins in the schema in scope."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import CharField, Func, Q, QuerySet
from kernel import crypto
from kernel.clock import now

from shared_apps.accounts.models import AccountMail, ApiKey, Invitation, MailKind, User, UserSession


def active_users() -> "QuerySet[User]":
    """Everyone who may sign in, by name."""
    return User.objects.filter(is_active=True).order_by("name", "id")


def api_keys() -> "QuerySet[ApiKey]":
    """All keys with their users, newest first."""
    return ApiKey.objects.select_related("user").order_by("-created", "digest")


def live_keys(public_ids: Iterable[uuid.UUID]) -> "QuerySet[ApiKey]":
    """Those of the keys that exist and have not ended."""
    return ApiKey.objects.filter(Q(expiry=None) | Q(expiry__gt=now()), public_id__in=list(public_ids))


def service_accounts() -> "QuerySet[User]":
    """The users that only keys act for, by name."""
    return User.objects.filter(is_service=True, is_active=True).order_by("name", "id")


def user_of_session(session_key: str) -> User | None:
    """The active user of a page's session, checked as a page request is: a session from before a password change is nobody's."""
    session = SessionStore(session_key)
    user_id = session.get(SESSION_KEY)
    user = User.objects.filter(pk=int(user_id), is_active=True).first() if user_id else None
    if user is None or not crypto.same(str(session.get(HASH_SESSION_KEY, "")), user.get_session_auth_hash()):
        return None
    return user


def has_proven_mailbox(user: User) -> bool:
    """Whether a link from the mailbox of the user's present address was ever followed, as far as is still known."""
    came_by_mail = Q(kind=MailKind.PASSWORD_RESET) | Q(kind=MailKind.EMAIL_CONFIRM)
    mails = AccountMail.objects.filter(came_by_mail, user=user, email__iexact=user.email, used_at__isnull=False)
    return Invitation.objects.filter(email__iexact=user.email, used_at__isnull=False).exists() or mails.exists()


class KeyDigest(Func):
    """What `kernel.crypto.digest` makes of a column."""

    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = CharField()


def live_sessions() -> "QuerySet[Any]":  # Any: the annotation, which the checker loses on the way
    """The sessions that have not ended, with `key_digest`, by which a UserSession names its own."""
    return Session.objects.filter(expire_date__gt=now()).annotate(key_digest=KeyDigest("session_key"))


def sessions_of(user: User) -> "QuerySet[UserSession]":
    """Where the user is signed in, the last seen first."""
    live = live_sessions().values("key_digest")
    return UserSession.objects.filter(user=user, session_digest__in=live).order_by("-last_seen_at", "-id")

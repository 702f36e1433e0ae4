"""How API requests prove who they are: an API key, or the page's session with CSRF."""

import datetime
import ipaddress
from typing import Any, Final

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from kernel import limits, tenancy
from kernel.actors import Actor, acting_as, current_origin
from kernel.clock import now
from kernel.problems import NotAllowed
from kernel.refusals import note_refusal
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from shared_apps.accounts.models import ApiKey, RateClass, User

USE_GRAIN: Final = datetime.timedelta(minutes=1)
RATES: Final = {RateClass.LOW: "60/minute", RateClass.STANDARD: "1200/minute", RateClass.HIGH: "30000/minute"}
"""Calls of one key, whatever they ask for; beyond it they are answered 429 with Retry-After."""


class ApiKeyAuthentication(TokenAuthentication):
    """`Authorization: Bearer KEY`. Comes first, so that a request without proof gets 401 and not 403.

    The user carries the key's restriction as `restrict(codes)`, which whoever asks for permissions applies. An unknown, ended or
    revoked key, one of a user who may not act, and one from an address it is not meant for, are all answered alike.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiKey]:
        key = key_of(token)
        if key is None or not key.user.is_active:
            raise AuthenticationFailed("The key is not valid")
        origin = current_origin()
        if not _is_from_allowed_network(key, origin.ip):
            with acting_as(actor_of_key(key)):
                note_refusal(method="", path="", reason="The address is not one that the key may be used from", ids=[key.public_id])
            raise AuthenticationFailed("The key is not valid")
        limits.take(RATES[RateClass(key.rate_class)], "api-key", str(key.public_id))
        _note_use(key, origin.ip)
        return restricted(key.user, key), key


def key_of(token: bytes) -> ApiKey | None:
    """The key with this clear text that has not ended, with its user; None for anything else."""
    try:
        digest = hash_token(token.decode("ascii"))
    except (ValueError, UnicodeError):
        return None
    key: ApiKey | None = ApiKey.objects.select_related("user").filter(digest=digest).first()
    return key if key is not None and not key.is_expired(now()) else None


def restricted(user: User, key: ApiKey) -> User:
    """The user, who may from now on do only what the key may too."""
    user.restrict = key.restrict  # type: ignore[attr-defined]  # read by the check of permissions
    return user


def actor_of_key(key: ApiKey) -> Actor:
    """The key as the one who acts, for its user."""
    user = key.user
    person = Actor(kind="user" if tenancy.current_scope().tenant else "operator", id=user.public_id, name=user.name)
    return Actor(kind="api_key", id=key.public_id, name=f"{user.name} ({key.name})", on_behalf_of=person)


def _is_from_allowed_network(key: ApiKey, ip: str) -> bool:
    if not key.allowed_networks:
        return True
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    networks = [ipaddress.ip_network(text) for text in key.allowed_networks]
    return any(address in network for network in networks if network.version == address.version)


def _note_use(key: ApiKey, ip: str) -> None:
    """Once a minute: this is for people to see what is still in use. Nothing is written in a tenant that is being moved."""
    tenant = tenancy.current_scope().tenant
    is_stale = key.last_used_at is None or key.last_used_at < now() - USE_GRAIN
    if is_stale and not (tenant and tenant.is_read_only):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now(), last_used_ip=ip)


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:  # Any: a reason instead of a response
        return reason


class SessionAuthentication(BaseAuthentication):
    """The signed-in user of the page; writing methods need the CSRF token as well."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        check = _CsrfCheck(lambda _: None)  # type: ignore[arg-type]  # only its check is used
        check.process_request(request._request)
        reason = check.process_view(request._request, None, (), {})  # type: ignore[arg-type]  # as DRF's own session check does
        if reason:
            raise NotAllowed(f"CSRF check failed: {reason}")
        return user, None

"""How API requests prove who they are: an API key, or the page's session with CSRF."""

import datetime
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from kernel import tenancy
from kernel.clock import now
from kernel.problems import NotAllowed
from knox.auth import TokenAuthentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from shared_apps.accounts.models import ApiKey, User

USE_GRAIN = datetime.timedelta(minutes=1)


class ApiKeyAuthentication(TokenAuthentication):
    """`Authorization: Bearer KEY`. Comes first, so that a request without proof gets 401 and not 403."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiKey]:
        try:
            user, key = super().authenticate_credentials(token)
        except (ValueError, UnicodeError) as error:
            raise AuthenticationFailed("The key is not valid") from error
        tenant = tenancy.current_scope().tenant
        is_stale = key.last_used_at is None or key.last_used_at < now() - USE_GRAIN
        if is_stale and not (tenant and tenant.is_read_only):
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now())
        return user, key


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

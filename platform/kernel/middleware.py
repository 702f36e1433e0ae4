"""The first middleware: gives the request an id, finds its tenant by host, and renders problems."""

import re
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from kernel import metrics, tenancy
from kernel.actors import RequestOrigin, coming_from
from kernel.ids import new_id
from kernel.problems import NotFound, Problem, ReadOnly, TenantOutdated, Unavailable
from kernel.problems import answer as render

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_log = structlog.get_logger(__name__)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class ScopeMiddleware:
    """Enters the public scope on the base host and the tenant's scope on a tenant's host; an unknown host is a plain 404."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with coming_from(_origin(request)):
            try:
                answer = self._in_scope(request)
            except Problem as problem:
                answer = render(request, problem)
            answer["X-Request-ID"] = request.META["ATENDE_REQUEST_ID"]
            metrics.HTTP_SECONDS.labels(request.method or "", str(answer.status_code // 100) + "xx").observe(time.perf_counter() - started)
            return answer

    def _in_scope(self, request: HttpRequest) -> HttpResponseBase:
        try:
            host = request.get_host().rsplit(":", 1)[0].lower().rstrip(".")
        except DisallowedHost as error:
            raise NotFound("No tenant answers on this host") from error
        if request.path == "/healthz":
            return HttpResponse("ok\n", content_type="text/plain")
        if host == settings.ATENDE_BASE_HOST:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF  # Django's per-request override
            with tenancy.public_scope():
                return self.get_response(request)
        with tenancy.public_scope():
            tenant = tenancy.resolve_host(host)
        if tenant is None:
            raise NotFound("No tenant answers on this host")
        if tenant.is_outdated:
            raise TenantOutdated(headers={"Retry-After": "30"})
        if tenant.is_read_only and request.method not in _READING:
            raise ReadOnly
        if not tenant.is_open and not request.path.startswith("/hooks/"):
            raise Unavailable("This organization's service is suspended", headers={"Retry-After": "3600"})
        with tenancy.tenant_scope(tenant):
            return self.get_response(request)


def _origin(request: HttpRequest) -> RequestOrigin:
    offered = request.headers.get("X-Request-ID", "")
    request_id = offered if _REQUEST_ID.fullmatch(offered) else str(new_id())
    request.META["ATENDE_REQUEST_ID"] = request_id
    return RequestOrigin(request_id=request_id, ip=_client_ip(request), user_agent=request.headers.get("User-Agent", "")[:200])


def _client_ip(request: HttpRequest) -> str:
    """The address our own proxy saw: the last entry of X-Forwarded-For, which only the proxy can have written."""
    if settings.ATENDE_TRUST_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
        if forwarded:
            return forwarded[:45]
    return str(request.META.get("REMOTE_ADDR", ""))[:45]

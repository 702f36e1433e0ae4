"""The generic API channel's edge: verify over the raw bytes, store, commit, answer."""

from typing import Any

from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from kernel import tenancy
from kernel.api.serializers import ProblemSerializer
from kernel.metrics import HOOKS_REJECTED
from kernel.problems import CONTENT_TYPE, TenantOutdated, TooLarge, Unavailable
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from shared_apps.tenants import selectors as tenants

from tenant_apps.connectors.adapters.api import is_signed
from tenant_apps.intake import services
from tenant_apps.intake.errors import HookRefused, InboxGone
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.serializers import HookAnswerSerializer, HookMessageSerializer

MAX_BYTES = 1024 * 1024
MAX_ID = 120
KEPT_HEADERS = ("webhook-id", "webhook-timestamp", "content-type", "user-agent")
_NO_SECRET = "whsec_bm90aGluZyBpcyBzaWduZWQgd2l0aCB0aGlzIGtleQ=="  # noqa: S105 (stands in for a missing one, so both ways cost the same)


class _RawBody(BaseParser):
    """A parser that reads nothing: the signature covers the bytes as they came."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:  # Any: DRF's signature
        return {}


@method_decorator(csrf_exempt, name="dispatch")
class HookView(APIView):
    """POST /hooks/v1/{route_key}, on the base host and on every tenant's host."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (_RawBody,)

    @extend_schema(
        operation_id="receiveHook",
        tags=["hooks"],
        summary="Hand over a message",
        description=(
            "Standard Webhooks: sign `webhook-id.webhook-timestamp.body` with the inbox's secret. 202 is sent after the message "
            "was stored for good; the same `webhook-id` again is answered the same way and changes nothing."
        ),
        parameters=[
            OpenApiParameter("webhook-id", str, OpenApiParameter.HEADER, required=True, description="The same for every attempt"),
            OpenApiParameter("webhook-timestamp", str, OpenApiParameter.HEADER, required=True, description="Seconds since 1970"),
            OpenApiParameter(
                "webhook-signature", str, OpenApiParameter.HEADER, required=True, description="`v1,<base64>`, several by spaces"
            ),
        ],
        request=HookMessageSerializer,
        responses={
            202: HookAnswerSerializer,
            (401, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description="Unknown route, wrong signature or stale timestamp"),
        },
        auth=[],
        examples=[
            OpenApiExample(
                "A message",
                value={"contact": {"external_id": "u-81", "name": "Mia"}, "conversation_id": "c-17", "text": "Where is my parcel?"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, route_key: str) -> Response:
        raw = _body(request._request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        route = _verified_route(route_key, raw, headers)
        if route.tenant.is_outdated:
            raise TenantOutdated(headers={"Retry-After": "30"})
        with tenancy.tenant_scope(route.tenant):
            event = _store(route, raw, headers)
        return Response({"id": event.public_id}, status=202)


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) > MAX_BYTES:
        raise TooLarge("At most 1 MB")
    raw = bytes(request.read(MAX_BYTES + 1))
    if len(raw) > MAX_BYTES:
        raise TooLarge("At most 1 MB")
    return raw


def _verified_route(route_key: str, raw: bytes, headers: dict[str, str]) -> tenants.RouteRef:
    """The route whose secret signed these bytes. Raises HookRefused, the same for every reason, having stored nothing."""
    route = tenants.channel_route("api", route_key)
    here = tenancy.current_scope().tenant
    is_known = route is not None and route.is_active and bool(route.secret) and (here is None or here.id == route.tenant.id)
    secret = route.secret if route is not None and is_known else _NO_SECRET
    is_valid = is_signed(raw, headers, secret=secret) and len(headers["webhook-id"]) <= MAX_ID and "\0" not in headers["webhook-id"]
    if route is None or not is_known:
        HOOKS_REJECTED.labels("unknown_route").inc()
        raise HookRefused
    if not is_valid:
        HOOKS_REJECTED.labels("bad_signature").inc()
        tenants.count_rejection("api", route_key)
        raise HookRefused
    return route


def _store(route: tenants.RouteRef, raw: bytes, headers: dict[str, str]) -> InboundEvent:
    try:
        return services.accept_inbound(
            inbox_id=route.inbox_id,
            connector="api",
            dedup_key=headers["webhook-id"],
            raw=raw,
            headers={name: headers[name][:300] for name in KEPT_HEADERS if name in headers},
            envelope={},
        )
    except InboxGone as error:
        raise Unavailable("The inbox is being set up; try again", headers={"Retry-After": "30"}) from error

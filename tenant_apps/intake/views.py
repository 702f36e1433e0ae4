"""The API of inbound events: what arrived, what became of it, the raw bytes, running parked ones again."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from kernel.api.pagination import page_body
from kernel.api.renderers import JSONRenderer
from kernel.api.serializers import ProblemSerializer
from kernel.api.views import ApiView
from kernel.problems import CONTENT_TYPE, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.intake import selectors, services
from tenant_apps.intake.errors import RawBodyForgotten
from tenant_apps.intake.models import InboundEvent
from tenant_apps.intake.serializers import InboundEventSerializer, InboundPageSerializer, InboundQuerySerializer, event_json, row_json


class InboundEventListView(ApiView):
    """Lists inbound events."""

    tag = "intake"
    permission = selectors.PERMISSION
    operation_ids: ClassVar = {"GET": "listInboundEvents"}

    @extend_schema(summary="List inbound events", parameters=[InboundQuerySerializer], responses=InboundPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(InboundQuerySerializer)
        page = selectors.inbound_page(request.user, state=query.get("state", ""), cursor=query.get("cursor", ""), limit=query["limit"])
        return Response(page_body(request, page, row_json))


class InboundEventView(ApiView):
    """Reads one inbound event."""

    tag = "intake"
    permission = selectors.PERMISSION
    operation_ids: ClassVar = {"GET": "readInboundEvent"}

    @extend_schema(summary="Read an inbound event", responses=InboundEventSerializer)
    def get(self, request: Request, event_id: uuid.UUID) -> Response:
        return Response(event_json(_find(request, event_id)))


class RawRenderer(JSONRenderer):
    """Lets clients ask for bytes; what DRF renders itself here are problems only, which stay JSON."""

    media_type = "application/octet-stream"
    format = "raw"


class InboundRawView(ApiView):
    """Hands out the bytes as they arrived."""

    tag = "intake"
    renderer_classes = (RawRenderer, JSONRenderer)
    permission = selectors.PERMISSION
    operation_ids: ClassVar = {"GET": "readInboundRaw"}

    @extend_schema(
        summary="Download what arrived",
        description="The raw bytes, kept for 30 days.",
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY, description="The raw bytes"),
            (410, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description="The raw bytes are no longer kept"),
        },
    )
    def get(self, request: Request, event_id: uuid.UUID) -> HttpResponse:
        event = _find(request, event_id)
        raw = bytes(event.raw)
        if not raw:
            raise RawBodyForgotten
        ending = "eml" if event.connector == "email" else "json"
        answer = HttpResponse(raw, content_type="application/octet-stream")
        answer["Content-Disposition"] = f'attachment; filename="{event.public_id}.{ending}"'
        answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer


class InboundRunView(IdempotentPostView):
    """Runs a parked event again."""

    tag = "intake"
    permission = selectors.PERMISSION
    operation_ids: ClassVar = {"POST": "runInboundEvent"}

    @extend_schema(
        summary="Run a parked event again",
        request=None,
        responses={
            202: InboundEventSerializer,
            (410, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description="The raw bytes are no longer kept"),
        },
    )
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        event = services.reprocess(event=_find(request, path["event_id"]))
        return Response(event_json(_find(request, event.public_id)), status=202)


def _find(request: Request, event_id: uuid.UUID) -> InboundEvent:
    event = selectors.inbound_detail(request.user, event_id)
    if event is None:
        raise NotFound
    return event

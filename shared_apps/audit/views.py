"""The API of the audit trail: a list that can be narrowed, and an export of it."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from kernel import limits
from kernel.api.pagination import page_body
from kernel.api.renderers import JSONRenderer
from kernel.api.views import ApiView
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.audit import selectors, services
from shared_apps.audit.serializers import (
    FORMATS,
    AuditExportQuerySerializer,
    AuditPageSerializer,
    AuditQuerySerializer,
    entry_json,
    lines,
    wanted_from,
)

EXPORTS_PER_USER = "30/hour"


class AuditListView(ApiView):
    """Lists what was done in the organization, by whom, and what was refused."""

    tag = "audit"
    permission = selectors.READ
    operation_ids: ClassVar = {"GET": "listAuditEntries"}

    @extend_schema(summary="List audit entries", parameters=[AuditQuerySerializer], responses=AuditPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(AuditQuerySerializer)
        page = selectors.audit_page(wanted_from(query), cursor=query.get("cursor", ""), limit=query["limit"])
        return Response(page_body(request, page, entry_json))


class CsvRenderer(JSONRenderer):
    """For `Accept: text/csv`; problems are JSON all the same."""

    media_type = "text/csv"
    format = "csv"


class LinesRenderer(JSONRenderer):
    """For `Accept: application/x-ndjson`; problems are JSON all the same."""

    media_type = "application/x-ndjson"
    format = "jsonl"


class AuditExportView(ApiView):
    """Streams the wanted entries, oldest first. That somebody did is an entry itself."""

    tag = "audit"
    permission = selectors.EXPORT
    renderer_classes = (JSONRenderer, CsvRenderer, LinesRenderer)
    operation_ids: ClassVar = {"GET": "exportAuditEntries"}

    @extend_schema(
        summary="Export audit entries",
        description="Cells of the CSV that a spreadsheet could take for a formula begin with an apostrophe; JSON lines are exact.",
        parameters=[AuditExportQuerySerializer],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="One line an entry, with a head"),
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, description="One JSON object a line"),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        query = self.query(AuditExportQuerySerializer)
        form, wanted = query["format"], wanted_from(query)
        limits.take(EXPORTS_PER_USER, "audit-export", str(self.user.public_id))
        services.note_export(form=form, wanted=wanted.as_json())
        answer = StreamingHttpResponse(lines(form, selectors.exported_rows(wanted)), content_type=FORMATS[form])
        answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer

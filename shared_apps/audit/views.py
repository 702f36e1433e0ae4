"""The API of the audit trail: a list that can be narrowed, and an export of it."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from kernel import limits
from kernel.api.pagination import page_body
from kernel.api.renderers import CsvRenderer, JSONRenderer, LinesRenderer
from kernel.api.views import ApiView
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.audit import selectors, services
from shared_apps.audit.exporting import entry_json, export_answer
from shared_apps.audit.serializers import (
    AuditExportQuerySerializer,
    AuditPageSerializer,
    AuditQuerySerializer,
    RetentionQuerySerializer,
    RetentionSerializer,
    RetentionUpdateSerializer,
    wanted_from,
)


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
        limits.take(services.EXPORTS_PER_USER, "audit-export", str(self.user.public_id))
        services.note_export(form=form, wanted=wanted.as_json())
        return export_answer(form, selectors.exported_rows(wanted))


class AuditRetentionView(ApiView):
    """Reads and sets how long entries are kept."""

    tag = "audit"
    permissions_by_method: ClassVar = {"GET": selectors.READ, "PUT": selectors.RETENTION}
    operation_ids: ClassVar = {"GET": "readAuditRetention", "PUT": "setAuditRetention"}

    @extend_schema(summary="Read how long audit entries are kept", parameters=[RetentionQuerySerializer], responses=RetentionSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(RetentionQuerySerializer)
        return _retention(query.get("keep_days", selectors.keep_days()))

    @extend_schema(
        summary="Set how long audit entries are kept",
        description="Older entries are removed within the hour, from the oldest on, and an entry says up to which.",
        request=RetentionUpdateSerializer,
        responses=RetentionSerializer,
    )
    def put(self, request: Request) -> Response:
        services.set_retention(keep_days=self.read(RetentionUpdateSerializer, request.data)["keep_days"])
        return _retention(selectors.keep_days())


def _retention(days: int | None) -> Response:
    old = selectors.old_entries(days)
    return Response({"keep_days": selectors.keep_days(), "old_entries": old.entries, "oldest_at": old.oldest_at})

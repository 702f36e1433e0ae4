"""The API of inboxes and of the channel types there are."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.pagination import page_body
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.connectors import selectors
from tenant_apps.connectors.serializers import (
    ConnectorListSerializer,
    InboxPageSerializer,
    InboxQuerySerializer,
    InboxSerializer,
    inbox_json,
)


class InboxListView(ApiView):
    """Lists inboxes."""

    tag = "inboxes"
    permission = "connectors.inbox.read"
    operation_ids: ClassVar = {"GET": "listInboxes"}

    @extend_schema(summary="List inboxes", parameters=[InboxQuerySerializer], responses=InboxPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(InboxQuerySerializer)
        page = selectors.inbox_page(
            request.user, connector=query.get("connector", ""), cursor=query.get("cursor", ""), limit=query["limit"]
        )
        return Response(page_body(request, page, inbox_json))


class InboxView(ApiView):
    """Reads one inbox."""

    tag = "inboxes"
    permission = "connectors.inbox.read"
    operation_ids: ClassVar = {"GET": "readInbox"}

    @extend_schema(summary="Read an inbox", responses=InboxSerializer)
    def get(self, request: Request, inbox_id: uuid.UUID) -> Response:
        row: Any = selectors.inboxes_visible_to(request.user).filter(public_id=inbox_id).values(*selectors.COLUMNS).first()
        if row is None:
            raise NotFound
        return Response(inbox_json(row))


class ConnectorListView(ApiView):
    """Lists the channel types with what they can do and which settings they take."""

    tag = "inboxes"
    permission = "connectors.inbox.read"
    operation_ids: ClassVar = {"GET": "listConnectors"}

    @extend_schema(summary="List channel types", responses=ConnectorListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": selectors.connector_rows()})

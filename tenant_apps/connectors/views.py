"""The API of inboxes and of the channel types there are."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.pagination import page_body
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.connectors import selectors, services
from tenant_apps.connectors.serializers import (
    ConnectorListSerializer,
    HookSecretCreateSerializer,
    HookSecretSerializer,
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


class HookSecretView(ApiView):
    """Gives the hook of a generic inbox a new secret. An Idempotency-Key is not taken: the answer holds a secret that is never stored."""

    tag = "inboxes"
    permission = "connectors.inbox.manage"
    operation_ids: ClassVar = {"POST": "createHookSecret"}

    @extend_schema(
        summary="Replace the secret of an inbox's hook", request=HookSecretCreateSerializer, responses={201: HookSecretSerializer}
    )
    def post(self, request: Request, inbox_id: uuid.UUID) -> Response:
        inbox = selectors.inboxes_visible_to(request.user).filter(public_id=inbox_id).first()
        if inbox is None:
            raise NotFound
        secret = services.replace_secret(inbox=inbox, **self.read(HookSecretCreateSerializer, request.data))
        return Response({"hook_url": selectors.hook_url(inbox), "secret": secret}, status=201)


class ConnectorListView(ApiView):
    """Lists the channel types with what they can do and which settings they take."""

    tag = "inboxes"
    permission = "connectors.inbox.read"
    operation_ids: ClassVar = {"GET": "listConnectors"}

    @extend_schema(summary="List channel types", responses=ConnectorListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": selectors.connector_rows()})

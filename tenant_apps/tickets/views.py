"""The ticket API."""

import uuid
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from kernel import limits
from kernel.api.etag import etag, expected_version
from kernel.api.pagination import page_body
from kernel.api.renderers import CsvRenderer, JSONRenderer, LinesRenderer
from kernel.api.views import ApiView
from kernel.problems import FieldError, NotFound, ValidationProblem
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts import selectors as accounts
from shared_apps.accounts.models import User
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access.selectors import AnyViewer, member
from tenant_apps.tickets import exporting, selectors, services
from tenant_apps.tickets.lookups import changes_from, new_ticket_from
from tenant_apps.tickets.models import StatusCategory, Ticket
from tenant_apps.tickets.reach import EXPORT, READ, SHARE, WRITE, require_on_ticket
from tenant_apps.tickets.selectors import TicketFilter
from tenant_apps.tickets.serializers import (
    ShareListSerializer,
    ShareSerializer,
    StatusListSerializer,
    TicketCreateSerializer,
    TicketExportQuerySerializer,
    TicketPageSerializer,
    TicketQuerySerializer,
    TicketSerializer,
    TicketUpdateSerializer,
    share_json,
    ticket_json,
)

EXPORTS_PER_USER = "10/hour"


class TicketListView(IdempotentPostView):
    """Lists and creates tickets."""

    tag = "tickets"
    permissions_by_method: ClassVar = {"GET": READ, "POST": WRITE}
    operation_ids: ClassVar = {"GET": "listTickets", "POST": "createTicket"}

    @extend_schema(summary="List tickets", parameters=[TicketQuerySerializer], responses=TicketPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(TicketQuerySerializer)
        page = selectors.ticket_page(
            request.user, wanted=_filter(query), order=query["sort"], cursor=query.get("cursor", ""), limit=query["limit"]
        )
        return Response(page_body(request, page, ticket_json))

    @extend_schema(summary="Create a ticket", request=TicketCreateSerializer, responses={201: TicketSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        ticket = new_ticket_from(self.read(TicketCreateSerializer, request.data), by=self.user)
        return _answer(request, ticket, status=201)


class TicketExportView(ApiView):
    """Streams the wanted tickets, oldest first. That somebody did is an audit entry."""

    tag = "tickets"
    permission = EXPORT
    renderer_classes = (JSONRenderer, CsvRenderer, LinesRenderer)
    operation_ids: ClassVar = {"GET": "exportTickets"}

    @extend_schema(
        summary="Export tickets",
        description=(
            "The filters are those of the list. Cells of the CSV that a spreadsheet could take for a formula begin with an apostrophe; "
            "JSON lines are exact. Rights are asked again every few hundred tickets: where they have ended, the connection breaks."
        ),
        parameters=[TicketExportQuerySerializer],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="One line a ticket, with a head"),
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, description="One ticket a line, as the list shows it"),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        query = self.query(TicketExportQuerySerializer)
        form, wanted = query["format"], _filter(query)
        limits.take(EXPORTS_PER_USER, "ticket-export", str(self.user.public_id))
        services.note_export(form=form, wanted=exporting.described(wanted))
        return exporting.export_answer(form, exporting.exported_rows(self.user, wanted, proof=_proof(request)))


class TicketView(ApiView):
    """Reads and changes one ticket."""

    tag = "tickets"
    takes_if_match = True
    permissions_by_method: ClassVar = {"GET": READ, "PATCH": WRITE}
    operation_ids: ClassVar = {"GET": "readTicket", "PATCH": "updateTicket"}

    @extend_schema(summary="Read a ticket", responses=TicketSerializer)
    def get(self, request: Request, ticket_id: uuid.UUID) -> Response:
        return _answer(request, _find(request, ticket_id))

    @extend_schema(summary="Change a ticket", request=TicketUpdateSerializer, responses=TicketSerializer)
    def patch(self, request: Request, ticket_id: uuid.UUID) -> Response:
        ticket = _find(request, ticket_id, WRITE)
        changes = changes_from(self.read(TicketUpdateSerializer, request.data))
        return _answer(request, services.update_ticket(ticket=ticket, changes=changes, expected_version=expected_version(request)))


class TicketSolutionView(ApiView):
    """A ticket is solved by putting its solution, and reopened by deleting it."""

    tag = "tickets"
    takes_if_match = True
    permission = WRITE
    operation_ids: ClassVar = {"PUT": "solveTicket", "DELETE": "reopenTicket"}

    @extend_schema(summary="Solve a ticket", request=None, responses=TicketSerializer)
    def put(self, request: Request, ticket_id: uuid.UUID) -> Response:
        ticket = _find(request, ticket_id, WRITE)
        return _answer(request, services.solve_ticket(ticket=ticket, expected_version=expected_version(request)))

    @extend_schema(summary="Reopen a solved ticket", request=None, responses={200: TicketSerializer})
    def delete(self, request: Request, ticket_id: uuid.UUID) -> Response:
        ticket = _find(request, ticket_id, WRITE)
        return _answer(request, services.reopen_ticket(ticket=ticket, expected_version=expected_version(request)))


class TicketShareListView(ApiView):
    """Lists with whom a ticket is shared."""

    tag = "tickets"
    permission = READ
    operation_ids: ClassVar = {"GET": "listTicketShares"}

    @extend_schema(summary="List a ticket's shares", responses=ShareListSerializer)
    def get(self, request: Request, ticket_id: uuid.UUID) -> Response:
        return Response({"results": [share_json(row) for row in selectors.shares_of(_find(request, ticket_id))]})


class TicketShareView(ApiView):
    """Shares a ticket with one colleague, or takes that back."""

    tag = "tickets"
    permission = SHARE
    operation_ids: ClassVar = {"PUT": "shareTicket", "DELETE": "unshareTicket"}

    @extend_schema(summary="Share a ticket with a colleague", request=ShareSerializer, responses=ShareListSerializer)
    def put(self, request: Request, ticket_id: uuid.UUID, user_id: uuid.UUID) -> Response:
        ticket, user = _find(request, ticket_id, SHARE), _colleague(user_id)
        services.share_ticket(ticket=ticket, user=user, level=self.read(ShareSerializer, request.data)["level"])
        return Response({"results": [share_json(row) for row in selectors.shares_of(ticket)]})

    @extend_schema(summary="Take a share back", request=None, responses={204: None})
    def delete(self, request: Request, ticket_id: uuid.UUID, user_id: uuid.UUID) -> Response:
        services.unshare_ticket(ticket=_find(request, ticket_id, SHARE), user=_colleague(user_id))
        return Response(status=204)


class StatusListView(ApiView):
    """Lists the tenant's statuses."""

    tag = "tickets"
    permission = READ
    operation_ids: ClassVar = {"GET": "listStatuses"}

    @extend_schema(summary="List statuses", responses=StatusListSerializer)
    def get(self, request: Request) -> Response:
        rows = selectors.statuses()
        return Response({"results": [{"key": row.key, "category": row.category, "label": row.label_agent} for row in rows]})


def _find(request: Request, ticket_id: uuid.UUID, code: str = READ) -> Ticket:
    ticket = selectors.ticket_by_id(request.user, ticket_id)
    if ticket is None:
        raise NotFound
    if code != READ:
        require_on_ticket(request.user, code, ticket)
    return ticket


def _answer(request: Request, ticket: Ticket, *, status: int = 200) -> Response:
    """The ticket as it is now; after a change also where that took it out of the caller's reach."""
    row = selectors.ticket_row(request.user if request.method == "GET" else AnyViewer(), ticket.public_id)
    if row is None:
        raise NotFound
    return Response(ticket_json(row), status=status, headers={"ETag": etag(row["version"])})


def _proof(request: Request) -> exporting.Proof:
    """Whether the key or the session that sent the request still holds, asked later."""
    key: Any = request.auth  # an API key, or None for a session
    user_id, session_key = request.user.pk, request._request.session.session_key or ""
    if key is not None:
        return lambda: accounts.live_keys([key.public_id]).exists()

    def is_signed_in() -> bool:
        user = accounts.user_of_session(session_key)
        return user is not None and user.pk == user_id

    return is_signed_in


def _colleague(user_id: uuid.UUID) -> User:
    found = member(user_id)
    if found is None:
        raise NotFound
    return found


def _filter(query: dict[str, Any]) -> TicketFilter:  # Any: validated values
    words = [word.strip() for word in query.get("status", "").split(",") if word.strip()]
    keys = {word for word in words if word not in StatusCategory.values}
    if keys and not keys <= {status.key for status in selectors.statuses()}:
        raise ValidationProblem([FieldError("/status", "unknown", _("There is no such status"))])
    return TicketFilter(
        categories=tuple(word for word in words if word in StatusCategory.values),
        statuses=tuple(sorted(keys)),
        assignee=query.get("assignee", ""),
        team=query.get("team", ""),
        tag=query.get("tag", ""),
        requester=query.get("requester"),
        created_after=query.get("created_after"),
        created_before=query.get("created_before"),
        search=query.get("search", ""),
    )

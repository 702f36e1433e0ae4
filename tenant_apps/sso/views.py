"""The API of connections to identity providers."""

import uuid
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from kernel.api.etag import etag, expected_version
from kernel.api.views import ApiView
from kernel.problems import FieldError, NotFound, ValidationProblem
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.access.scopes import SCOPES
from tenant_apps.sso import selectors, services
from tenant_apps.sso.models import Connection, ConnectionDomain
from tenant_apps.sso.selectors import MANAGE, Mapping
from tenant_apps.sso.serializers import (
    ConnectionChangeSerializer,
    ConnectionCreateSerializer,
    ConnectionListSerializer,
    ConnectionSerializer,
    ConnectionStateSerializer,
    DomainCreateSerializer,
    DomainSerializer,
    TestAddressSerializer,
    connection_json,
    domain_json,
)


class ConnectionListView(ApiView):
    """Lists and creates connections. An Idempotency-Key is not taken: the issuer is looked up, which is nothing for a transaction."""

    proof_methods = frozenset({"POST"})
    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "listSsoConnections", "POST": "createSsoConnection"}

    @extend_schema(summary="List connections to identity providers", responses=ConnectionListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [connection_json(found) for found in selectors.connections()]})

    @extend_schema(summary="Connect an identity provider", request=ConnectionCreateSerializer, responses={201: ConnectionSerializer})
    def post(self, request: Request) -> Response:
        values = _values(self.read(ConnectionCreateSerializer, request.data))
        return _answer(services.create_connection(by=self.user, values=values), status=201)


class ConnectionView(ApiView):
    """Reads, changes and deletes one connection."""

    proof_methods = frozenset({"DELETE", "PATCH"})
    tag = "sso"
    takes_if_match = True
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "readSsoConnection", "PATCH": "updateSsoConnection", "DELETE": "deleteSsoConnection"}

    @extend_schema(summary="Read a connection", responses=ConnectionSerializer)
    def get(self, request: Request, connection_id: uuid.UUID) -> Response:
        return _answer(_find(connection_id))

    @extend_schema(summary="Change a connection", request=ConnectionChangeSerializer, responses=ConnectionSerializer)
    def patch(self, request: Request, connection_id: uuid.UUID) -> Response:
        found, body = _find(connection_id), self.read(ConnectionChangeSerializer, request.data)
        present = {name: getattr(found, name) for name in _COLUMNS}
        values = _values({**present, "mappings": tuple(selectors.mappings_of(found)), **body})
        services.update_connection(by=self.user, connection=found, values=values, expected_version=expected_version(request))
        return _answer(_find(connection_id))

    @extend_schema(summary="Delete a connection", request=None, responses={204: None})
    def delete(self, request: Request, connection_id: uuid.UUID) -> Response:
        services.delete_connection(by=self.user, connection=_find(connection_id))
        return Response(status=204)


class ConnectionTestView(ApiView):
    """Begins a test sign-in."""

    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "testSsoConnection"}

    @extend_schema(summary="Get the address of a test sign-in", request=None, responses={201: TestAddressSerializer})
    def post(self, request: Request, connection_id: uuid.UUID) -> Response:
        return Response({"url": services.address_for_test(by=self.user, connection=_find(connection_id))}, status=201)


class ConnectionStateView(ApiView):
    """Switches a connection on and off."""

    proof_methods = frozenset({"PUT"})
    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"PUT": "setSsoConnectionState"}

    @extend_schema(
        summary="Switch a connection on, off, or make it the only way in", request=ConnectionStateSerializer, responses=ConnectionSerializer
    )
    def put(self, request: Request, connection_id: uuid.UUID) -> Response:
        found, body = _find(connection_id), self.read(ConnectionStateSerializer, request.data)
        services.set_state(by=self.user, connection=found, state=body["state"])
        return _answer(_find(connection_id))


class DomainListView(ApiView):
    """Claims a domain."""

    proof_methods = frozenset({"POST"})
    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "addSsoDomain"}

    @extend_schema(summary="Add an e-mail domain to be proven", request=DomainCreateSerializer, responses={201: DomainSerializer})
    def post(self, request: Request, connection_id: uuid.UUID) -> Response:
        found, body = _find(connection_id), self.read(DomainCreateSerializer, request.data)
        return Response(domain_json(services.add_domain(connection=found, domain=body["domain"])), status=201)


class DomainView(ApiView):
    """Gives a domain up."""

    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "removeSsoDomain"}

    @extend_schema(summary="Remove an e-mail domain", request=None, responses={204: None})
    def delete(self, request: Request, connection_id: uuid.UUID, domain_id: uuid.UUID) -> Response:
        services.remove_domain(by=self.user, domain=_domain(connection_id, domain_id))
        return Response(status=204)


class DomainVerificationView(ApiView):
    """Looks for the TXT record of a domain."""

    tag = "sso"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "verifySsoDomain"}

    @extend_schema(summary="Look for the TXT record of a domain", request=None, responses=DomainSerializer)
    def post(self, request: Request, connection_id: uuid.UUID, domain_id: uuid.UUID) -> Response:
        return Response(domain_json(services.verify_domain(by=self.user, domain=_domain(connection_id, domain_id))))


_COLUMNS = (
    *("name", "issuer", "client_id", "is_email_authoritative", "is_creating_users", "is_second_step_trusted"),
    *("default_role", "group_claim"),
)


def _answer(found: Connection, status: int = 200) -> Response:
    return Response(connection_json(found), status=status, headers={"ETag": etag(found.version)})


def _values(body: dict[str, Any]) -> services.ConnectionValues:  # Any: JSON
    """Raises ValidationProblem for a scope that does not exist."""
    rows = body.pop("group_roles", None)
    if rows is not None:
        body["mappings"] = tuple(_mapping(row) for row in rows)
    return services.ConnectionValues(**body)


def _mapping(row: dict[str, Any]) -> Mapping:  # Any: JSON
    kind, public_id = row.get("scope_kind", ""), row.get("scope_id")
    scope = SCOPES.get(kind).find(public_id) if kind and public_id else None
    if bool(kind) != bool(public_id) or (kind and scope is None):
        raise ValidationProblem([FieldError("/group_roles", "unknown", _("There is no such role or scope"))])
    return Mapping(row["group"], row["role"], kind, scope)


def _find(connection_id: uuid.UUID) -> Connection:
    found = selectors.connection(connection_id)
    if found is None:
        raise NotFound
    return found


def _domain(connection_id: uuid.UUID, domain_id: uuid.UUID) -> ConnectionDomain:
    found = selectors.domains_of(_find(connection_id)).filter(public_id=domain_id).first()
    if found is None:
        raise NotFound
    return found

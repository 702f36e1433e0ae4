"""The API of invitations."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts.models import Invitation
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access import selectors, services
from tenant_apps.access.api.members import MANAGE, SCOPE_KINDS, scope_of

_EXAMPLE = {"email": "new@people.example", "role": "agent"}


class InvitationSerializer(StrictSerializer):
    """An open invitation. Its link is in the mail and nowhere else."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    role = serializers.CharField()
    scope_kind = serializers.CharField(allow_blank=True)
    scope_id = serializers.UUIDField(allow_null=True)
    scope_name = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_sent = serializers.BooleanField()


class InvitationListSerializer(StrictSerializer):
    """All open invitations, newest first."""

    results = InvitationSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("An agent", value=_EXAMPLE, request_only=True)])
class InvitationCreateSerializer(StrictSerializer):
    """Whom to invite, and to which role."""

    email = serializers.CharField(max_length=254)
    role = serializers.CharField(max_length=32)
    name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    scope_kind = serializers.ChoiceField(choices=SCOPE_KINDS, required=False)
    scope_id = serializers.UUIDField(required=False)


class InvitationListView(IdempotentPostView):
    """Lists open invitations and invites."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "listInvitations", "POST": "inviteMember"}

    @extend_schema(summary="List open invitations", responses=InvitationListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": invitations_json()})

    @extend_schema(summary="Invite somebody", request=InvitationCreateSerializer, responses={201: InvitationSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        body = self.read(InvitationCreateSerializer, request.data)
        kind, scope = scope_of(body.pop("scope_kind", ""), body.pop("scope_id", None))
        made = services.invite_member(by=self.user, scope_kind=kind, scope=scope, **body)
        return Response(_one(made), status=201)


class InvitationView(ApiView):
    """Withdraws an open invitation."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "withdrawInvitation"}

    @extend_schema(summary="Withdraw an invitation", request=None, responses={204: None})
    def delete(self, request: Request, invitation_id: uuid.UUID) -> Response:
        services.withdraw_invitation(by=self.user, invitation=_find(invitation_id))
        return Response(status=204)


class InvitationRenewalView(IdempotentPostView):
    """Sends a new link; the old one ends."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "renewInvitation"}

    @extend_schema(summary="Invite again with a new link", request=None, responses={201: InvitationSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        return Response(_one(services.renew_invitation(by=self.user, invitation=_find(path["invitation_id"]))), status=201)


def invitations_json() -> list[dict[str, Any]]:  # Any: JSON
    """The open invitations as the API shows them."""
    rows = list(selectors.open_invitations())
    scopes = selectors.scopes_of_invitations(rows)
    return [
        {
            "id": row.public_id,
            "email": row.email,
            "role": row.role,
            "scope_kind": scopes[row.pk][0] if row.pk in scopes else "",
            "scope_id": scopes[row.pk][1].public_id if row.pk in scopes else None,
            "scope_name": scopes[row.pk][1].name if row.pk in scopes else "",
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "is_sent": row.sent_at is not None,
        }
        for row in rows
    ]


def _one(invitation: Invitation) -> dict[str, Any]:  # Any: JSON
    return next(shown for shown in invitations_json() if shown["id"] == invitation.public_id)


def _find(invitation_id: uuid.UUID) -> Invitation:
    found = selectors.open_invitations().filter(public_id=invitation_id).first()
    if found is None:
        raise NotFound
    return found

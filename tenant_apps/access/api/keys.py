"""The API of API keys and service accounts."""

import datetime
import uuid
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.clock import now
from kernel.problems import FieldError, NotFound, ValidationProblem
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts import selectors as accounts
from shared_apps.accounts import services
from shared_apps.accounts.models import ApiKey, RateClass, User
from shared_apps.accounts.scopes import every_scope
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access.giving import check_may_give_key, check_may_give_role
from tenant_apps.access.services.service_accounts import open_service_account

MANAGE: Final = "access.apikey.manage"
_KEY_EXAMPLE: Final = {
    "name": "Reporting",
    "scopes": ["tickets.ticket:read", "contacts.contact:read"],
    "allowed_networks": ["192.0.2.0/24", "2001:db8::/32"],
    "rate_class": "low",
    "lifetime_days": 90,
}


class ApiKeySerializer(StrictSerializer):
    """An API key, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The first characters of the key, to tell it from others")
    user = serializers.UUIDField(help_text="The user or service account the key acts as")
    scopes = serializers.ListField(child=serializers.CharField(), help_text="A key may do what its scopes and its user's roles both allow")
    allowed_networks = serializers.ListField(child=serializers.CharField(), help_text="Empty: from everywhere")
    rate_class = serializers.ChoiceField(choices=RateClass.choices)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    is_expired = serializers.BooleanField()
    successor = serializers.UUIDField(allow_null=True, help_text="The key that replaces it; both work until expires_at")
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_ip = serializers.CharField(allow_blank=True)


class NewApiKeySerializer(ApiKeySerializer):
    """A fresh key; `key` is shown this once."""

    key = serializers.CharField()


class ApiKeyListSerializer(StrictSerializer):
    """All keys, newest first."""

    results = ApiKeySerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample("A key", value={"name": "Reporting"}, request_only=True),
        OpenApiExample("A narrow key", value=_KEY_EXAMPLE, request_only=True),
    ]
)
class ApiKeyCreateSerializer(StrictSerializer):
    """A key acts as the user who creates it, or as a service account."""

    name = serializers.CharField(max_length=80)
    service_account_id = serializers.UUIDField(required=False, allow_null=True)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        min_length=1,
        max_length=100,
        help_text="`area.resource:read` or `area.resource:write`, or `*` for all that the user may, which is the default",
    )
    allowed_networks = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    rate_class = serializers.ChoiceField(choices=RateClass.choices, required=False)
    lifetime_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3650)


@extend_schema_serializer(examples=[OpenApiExample("A day for changing over", value={"overlap_hours": 24}, request_only=True)])
class ApiKeyRotationSerializer(StrictSerializer):
    """How long the old key goes on working."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=720)


class ServiceAccountSerializer(StrictSerializer):
    """A user that nobody can sign in as: keys act for it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class ServiceAccountListSerializer(StrictSerializer):
    """All service accounts, by name."""

    results = ServiceAccountSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A program", value={"name": "Shop sync", "role": "agent"}, request_only=True)])
class ServiceAccountCreateSerializer(StrictSerializer):
    """It gets a role like everybody; only one that holds nothing you lack."""

    name = serializers.CharField(max_length=120)
    role = serializers.CharField(max_length=32)


class ApiKeyListView(ApiView):
    """Lists and creates API keys. An Idempotency-Key is not taken: the answer holds a secret that is never stored."""

    proof_methods = frozenset({"POST"})
    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "listApiKeys", "POST": "createApiKey"}

    @extend_schema(summary="List API keys", responses=ApiKeyListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_key_json(key) for key in accounts.api_keys()]})

    @extend_schema(summary="Create an API key", request=ApiKeyCreateSerializer, responses={201: NewApiKeySerializer})
    def post(self, request: Request, **path: Any) -> Response:  # Any: path values
        body = self.read(ApiKeyCreateSerializer, request.data)
        user = _acting_user(self.user, body.get("service_account_id"))
        days = body.get("lifetime_days")
        limits = services.KeyLimits(
            scopes=body.get("scopes") or every_scope(),
            allowed_networks=body.get("allowed_networks", []),
            rate_class=body.get("rate_class", RateClass.STANDARD),
            lifetime=datetime.timedelta(days=days) if days else None,
        )
        check_may_give_key(giver=self.user, key=request.auth, user=user, scopes=limits.scopes)
        key, clear_text = services.create_api_key(user=user, name=body["name"], limits=limits)
        return Response({**_key_json(key), "key": clear_text}, status=201)


class ApiKeyView(ApiView):
    """Revokes one key."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "revokeApiKey"}

    @extend_schema(summary="Revoke an API key", request=None, responses={204: None})
    def delete(self, request: Request, key_id: uuid.UUID) -> Response:
        services.revoke_api_key(key=_find(key_id))
        return Response(status=204)


class ApiKeyRotationView(ApiView):
    """Replaces a key. An Idempotency-Key is not taken: the answer holds a secret that is never stored."""

    proof_methods = frozenset({"POST"})
    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "rotateApiKey"}

    @extend_schema(summary="Replace an API key", request=ApiKeyRotationSerializer, responses={201: NewApiKeySerializer})
    def post(self, request: Request, key_id: uuid.UUID) -> Response:
        key, body = _find(key_id), self.read(ApiKeyRotationSerializer, request.data)
        check_may_give_key(giver=self.user, key=request.auth, user=key.user, scopes=key.scopes)
        fresh, clear_text = services.rotate_api_key(key=key, overlap=datetime.timedelta(hours=body["overlap_hours"]))
        return Response({**_key_json(fresh), "key": clear_text}, status=201)


class ServiceAccountListView(IdempotentPostView):
    """Lists and creates service accounts."""

    proof_methods = frozenset({"POST"})
    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "listServiceAccounts", "POST": "createServiceAccount"}

    @extend_schema(summary="List service accounts", responses=ServiceAccountListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [_account_json(account) for account in accounts.service_accounts()]})

    @extend_schema(summary="Create a service account", request=ServiceAccountCreateSerializer, responses={201: ServiceAccountSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        body = self.read(ServiceAccountCreateSerializer, request.data)
        check_may_give_role(giver=self.user, key=request.auth, role=body["role"])
        return Response(_account_json(open_service_account(name=body["name"], role=body["role"])), status=201)


class ServiceAccountView(ApiView):
    """Ends a service account with all its keys."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "endServiceAccount"}

    @extend_schema(summary="End a service account", request=None, responses={204: None})
    def delete(self, request: Request, account_id: uuid.UUID) -> Response:
        account = accounts.service_accounts().filter(public_id=account_id).first()
        if account is None:
            raise NotFound
        services.deactivate_user(user=account)
        return Response(status=204)


def _find(key_id: uuid.UUID) -> ApiKey:
    key = accounts.api_keys().filter(public_id=key_id).first()
    if key is None:
        raise NotFound
    return key


def _acting_user(user: Any, account_id: uuid.UUID | None) -> User:  # Any: the user
    """The service account, or the person themselves. Raises ValidationProblem."""
    if account_id is None:
        return user
    account = accounts.service_accounts().filter(public_id=account_id).first()
    if account is None:
        raise ValidationProblem([FieldError("/service_account_id", "unknown", _("There is nothing with this id"))])
    return account


def _key_json(key: ApiKey) -> dict[str, Any]:  # Any: JSON
    return {
        "id": key.public_id,
        "name": key.name,
        "prefix": key.prefix,
        "user": key.user.public_id,
        "scopes": key.scopes,
        "allowed_networks": key.allowed_networks,
        "rate_class": key.rate_class,
        "created_at": key.created,
        "expires_at": key.expiry,
        "is_expired": key.is_expired(now()),
        "successor": key.successor_id,
        "last_used_at": key.last_used_at,
        "last_used_ip": key.last_used_ip,
    }


def _account_json(account: User) -> dict[str, Any]:  # Any: JSON
    return {"id": account.public_id, "name": account.name, "created_at": account.created_at}

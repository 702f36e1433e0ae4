"""The API of one's own passkeys, and of showing again that it is oneself."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.accounts import passkeys, proofs, services
from shared_apps.accounts.api.own import BrowserView, OwnView

_ANSWER = "What the browser's `PublicKeyCredential.toJSON()` gives"


class OptionsSerializer(StrictSerializer):
    """For `navigator.credentials`; they work once, in the same session, for ten minutes."""

    publicKey = serializers.JSONField(help_text="As `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` take it")  # noqa: N815 (WebAuthn's own name)


class PasskeySerializer(StrictSerializer):
    """A passkey."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class PasskeyListSerializer(StrictSerializer):
    """Your passkeys, the oldest first."""

    results = PasskeySerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A laptop", value={"name": "Laptop", "credential": {"id": "…"}}, request_only=True)])
class PasskeyCreateSerializer(StrictSerializer):
    """A name for it, and the browser's answer to the options."""

    name = serializers.CharField(max_length=200)
    credential = serializers.JSONField(help_text=_ANSWER)


class PasskeyCreatedSerializer(PasskeySerializer):
    """The passkey; recovery codes come with the first means of a second step and can be read this once."""

    recovery_codes = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(examples=[OpenApiExample("A name", value={"name": "Old phone"}, request_only=True)])
class PasskeyRenameSerializer(StrictSerializer):
    """Another name."""

    name = serializers.CharField(max_length=200)


@extend_schema_serializer(examples=[OpenApiExample("A code", value={"code": "123456"}, request_only=True)])
class ProofSerializer(StrictSerializer):
    """One of the three, whichever is asked for."""

    password = serializers.CharField(required=False, write_only=True, max_length=200, trim_whitespace=False)
    code = serializers.CharField(required=False, max_length=20)
    credential = serializers.JSONField(required=False, help_text=_ANSWER)


class ProofStateSerializer(StrictSerializer):
    """Whether sensitive actions are open, and what opens them."""

    is_fresh = serializers.BooleanField()
    ways = serializers.ListField(child=serializers.ChoiceField(choices=["password", "code", "passkey"]))


class PasskeyListView(OwnView):
    """Lists one's passkeys and adds one."""

    proof_methods = frozenset({"POST"})
    operation_ids: ClassVar = {"GET": "listPasskeys", "POST": "addPasskey"}

    @extend_schema(summary="List your passkeys", responses=PasskeyListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [passkeys.passkey_json(row) for row in passkeys.passkeys_of(self.user)]})

    @extend_schema(summary="Add a passkey", request=PasskeyCreateSerializer, responses={201: PasskeyCreatedSerializer})
    def post(self, request: Request) -> Response:
        body = self.read(PasskeyCreateSerializer, request.data)
        found, codes = services.add_passkey(
            request=request._request, user=self.user, credential=as_object(body["credential"]), name=body["name"]
        )
        return Response({**found, "recovery_codes": codes}, status=201)


class PasskeyOptionsView(BrowserView):
    """Begins a passkey."""

    proof_methods = frozenset({"POST"})
    operation_ids: ClassVar = {"POST": "beginPasskey"}

    @extend_schema(summary="Begin a passkey", request=None, responses={201: OptionsSerializer})
    def post(self, request: Request) -> Response:
        services.count_passkey_try()
        return Response(passkeys.options_to_add(request._request, self.user), status=201)


class PasskeyView(OwnView):
    """Names and removes one of one's own passkeys."""

    proof_methods = frozenset({"DELETE"})
    operation_ids: ClassVar = {"PATCH": "renamePasskey", "DELETE": "removePasskey"}

    @extend_schema(summary="Rename a passkey", request=PasskeyRenameSerializer, responses=PasskeySerializer)
    def patch(self, request: Request, passkey_id: uuid.UUID) -> Response:
        body = self.read(PasskeyRenameSerializer, request.data)
        return Response(services.rename_passkey(user=self.user, passkey=self._found(passkey_id), name=body["name"]))

    @extend_schema(summary="Remove a passkey", request=None, responses={204: None})
    def delete(self, request: Request, passkey_id: uuid.UUID) -> Response:
        services.remove_passkey(user=self.user, passkey=self._found(passkey_id))
        return Response(status=204)

    def _found(self, passkey_id: uuid.UUID) -> dict[str, Any]:  # Any: JSON
        row = passkeys.passkey_of(self.user, passkey_id)
        if row is None:
            raise NotFound
        return passkeys.passkey_json(row)


class ProofView(BrowserView):
    """Shows again that it is oneself, before an action that wants it."""

    operation_ids: ClassVar = {"GET": "readProof", "PUT": "proveIdentity"}

    @extend_schema(
        summary="Read what sensitive actions ask for",
        description="Exports, keys, roles and your own means to sign in want a proof of the last fifteen minutes; a sign-in is one.",
        responses=ProofStateSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response({"is_fresh": proofs.is_fresh(request._request), "ways": proofs.ways(request._request)})

    @extend_schema(summary="Show that it is you", request=ProofSerializer, responses={204: None})
    def put(self, request: Request) -> Response:
        body = self.read(ProofSerializer, request.data)
        if "credential" in body:
            services.take_passkey(request=request._request, credential=as_object(body["credential"]), user=self.user)
            proofs.note_proof(request._request, self.user, "passkey")
        else:
            proofs.prove(request._request, password=body.get("password", ""), code=body.get("code", ""))
        return Response(status=204)


class ProofOptionsView(BrowserView):
    """Begins to show a passkey."""

    operation_ids: ClassVar = {"POST": "beginProof"}

    @extend_schema(summary="Begin to show a passkey", request=None, responses={201: OptionsSerializer})
    def post(self, request: Request) -> Response:
        services.count_passkey_try()
        return Response(passkeys.options_to_prove(request._request, self.user), status=201)


def as_object(value: Any) -> dict[str, Any]:  # Any: JSON
    """A credential that is not an object is one that does not fit."""
    return value if isinstance(value, dict) else {}

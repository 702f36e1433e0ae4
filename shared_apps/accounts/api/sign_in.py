"""The API of signing in: a session by password and code, or by a passkey. Machines use API keys instead."""

from typing import Any, ClassVar

from django.contrib.auth import logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel import limits
from kernel.actors import current_origin
from kernel.api.serializers import StrictSerializer
from kernel.api.views import PublicApiView
from kernel.problems import NotAuthenticated
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.accounts import passkeys, services, signing_in
from shared_apps.accounts.api.own import BrowserView
from shared_apps.accounts.api.passkeys import OptionsSerializer, as_object
from shared_apps.accounts.models import User

CHALLENGES_PER_ADDRESS = "60/minute"


@extend_schema_serializer(
    examples=[OpenApiExample("Ana", value={"email": "ana@acme.example", "password": "a long phrase"}, request_only=True)]
)
class SignInSerializer(StrictSerializer):
    """The first step."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)


@extend_schema_serializer(examples=[OpenApiExample("A code", value={"code": "123456"}, request_only=True)])
class SignInCodeSerializer(StrictSerializer):
    """A code of the app, or a recovery code."""

    code = serializers.CharField(max_length=20)


@extend_schema_serializer(examples=[OpenApiExample("A passkey", value={"credential": {"id": "…"}}, request_only=True)])
class SignInPasskeySerializer(StrictSerializer):
    """What the browser's `PublicKeyCredential.toJSON()` gives."""

    credential = serializers.JSONField()


class SignInStateSerializer(StrictSerializer):
    """How far the sign-in is. With `signed_in` the cookies are set, and `csrf_token` goes into `X-CSRFToken` of each write."""

    state = serializers.ChoiceField(choices=["signed_in", "second_step_needed"])
    ways = serializers.ListField(child=serializers.ChoiceField(choices=["code", "passkey"]), help_text="What the second step takes")
    csrf_token = serializers.CharField()


class SignInView(PublicApiView):
    """The first step."""

    tag = "sign-in"
    is_sign_in = True
    operation_ids: ClassVar = {"POST": "signIn"}

    @extend_schema(
        summary="Sign in with e-mail address and password",
        description="Opens a session in cookies, or asks for the second step. Unknown addresses are answered as wrong passwords are.",
        request=SignInSerializer,
        responses=SignInStateSerializer,
    )
    def post(self, request: Request) -> Response:
        body = self.read(SignInSerializer, request.data)
        user = services.check_credentials(email=body["email"], password=body["password"])
        owed = signing_in.begin(request._request, user)
        return Response(_state(request, owed))


class SignInCodeView(PublicApiView):
    """The second step by a code."""

    tag = "sign-in"
    is_sign_in = True
    operation_ids: ClassVar = {"POST": "signInWithCode"}

    @extend_schema(summary="Finish signing in with a code", request=SignInCodeSerializer, responses=SignInStateSerializer)
    def post(self, request: Request) -> Response:
        body = self.read(SignInCodeSerializer, request.data)
        user = _waiting(request)
        way = services.take_second_step(user=user, code=body["code"])
        signing_in.enter(request._request, user, way=way)
        return Response(_state(request, []))


class SignInPasskeyOptionsView(PublicApiView):
    """Begins with a passkey, as the only step or as the second."""

    tag = "sign-in"
    operation_ids: ClassVar = {"POST": "beginPasskeySignIn"}

    @extend_schema(summary="Begin to sign in with a passkey", request=None, responses={201: OptionsSerializer})
    def post(self, request: Request) -> Response:
        services.count_passkey_try()
        limits.take(CHALLENGES_PER_ADDRESS, "passkey-begin", "address", current_origin().ip)
        found = signing_in.waiting(request._request)
        options = passkeys.options_to_prove(request._request, found[0] if found else None)
        if found is None:
            request._request.session.set_expiry(passkeys.CHALLENGE_SECONDS)
        return Response(options, status=201)


class SignInPasskeyView(PublicApiView):
    """Signs in with a passkey."""

    tag = "sign-in"
    is_sign_in = True
    operation_ids: ClassVar = {"POST": "signInWithPasskey"}

    @extend_schema(
        summary="Sign in with a passkey",
        description="A passkey is asked who holds it, so it is both steps in one.",
        request=SignInPasskeySerializer,
        responses=SignInStateSerializer,
    )
    def post(self, request: Request) -> Response:
        body = self.read(SignInPasskeySerializer, request.data)
        found = signing_in.waiting(request._request)
        user = services.take_passkey(request=request._request, credential=as_object(body["credential"]), user=found[0] if found else None)
        signing_in.enter(request._request, user, way="passkey")
        return Response(_state(request, []))


class SignOutView(BrowserView):
    """Ends this session."""

    tag = "sign-in"
    operation_ids: ClassVar = {"POST": "signOut"}

    @extend_schema(summary="Sign out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=204)


def _waiting(request: Request) -> User:
    found = signing_in.waiting(request._request)
    if found is None:
        raise NotAuthenticated
    return found[0]


def _state(request: Request, owed: list[str]) -> dict[str, Any]:  # Any: JSON
    return {"state": "second_step_needed" if owed else "signed_in", "ways": owed, "csrf_token": get_token(request._request)}

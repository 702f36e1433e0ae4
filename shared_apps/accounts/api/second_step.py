"""The API of one's own second step of signing in by an authenticator app."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.accounts import second_step, services
from shared_apps.accounts.api.own import OwnView


class SecondStepSerializer(StrictSerializer):
    """Whether a code is asked for after the password."""

    is_enabled = serializers.BooleanField(help_text="By an authenticator app or a passkey")
    has_app = serializers.BooleanField()
    recovery_codes_left = serializers.IntegerField()


class EnrolmentSerializer(StrictSerializer):
    """A fresh secret for an authenticator app; nothing changes until a code of it comes back."""

    secret = serializers.CharField()
    uri = serializers.CharField(help_text="The same as a QR code holds it")
    enrolment = serializers.CharField(help_text="To be sent back within fifteen minutes")


class RecoveryCodesSerializer(StrictSerializer):
    """Codes that each work once instead of the app; shown this once."""

    recovery_codes = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(
    examples=[
        OpenApiExample("A first code", value={"current_password": "what it is", "enrolment": "k1.x", "code": "123456"}, request_only=True)
    ]
)
class SecondStepEnableSerializer(StrictSerializer):
    """The password, what the enrolment gave, and a code that the app shows."""

    current_password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)
    enrolment = serializers.CharField(max_length=1000)
    code = serializers.CharField(max_length=20)


@extend_schema_serializer(
    examples=[OpenApiExample("A code", value={"current_password": "what it is", "code": "123456"}, request_only=True)]
)
class SecondStepDisableSerializer(StrictSerializer):
    """The password, and a code of the app or a recovery code."""

    current_password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)
    code = serializers.CharField(max_length=20)


@extend_schema_serializer(examples=[OpenApiExample("It is me", value={"current_password": "what it is"}, request_only=True)])
class RecoveryCodesRenewSerializer(StrictSerializer):
    """The password."""

    current_password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)


class SecondStepView(OwnView):
    """Reads and switches on one's own second step."""

    proof_methods = frozenset({"PUT"})
    operation_ids: ClassVar = {"GET": "readSecondStep", "PUT": "enableSecondStep"}

    @extend_schema(summary="Read your second step", responses=SecondStepSerializer)
    def get(self, request: Request) -> Response:
        return Response(
            {
                "is_enabled": second_step.is_enabled(self.user),
                "has_app": second_step.has_app(self.user),
                "recovery_codes_left": second_step.recovery_codes_left(self.user),
            }
        )

    @extend_schema(
        summary="Switch your second step on",
        description="Replaces a second step that is there already.",
        request=SecondStepEnableSerializer,
        responses=RecoveryCodesSerializer,
    )
    def put(self, request: Request) -> Response:
        body = self.read(SecondStepEnableSerializer, request.data)
        codes = services.enable_second_step(
            user=self.user, password=body["current_password"], enrolment=body["enrolment"], code=body["code"]
        )
        return Response({"recovery_codes": codes})


class SecondStepEnrolmentView(OwnView):
    """Begins to switch it on."""

    operation_ids: ClassVar = {"POST": "beginSecondStep"}

    @extend_schema(summary="Begin a second step", request=None, responses={201: EnrolmentSerializer})
    def post(self, request: Request) -> Response:
        secret, enrolment = second_step.begin(self.user)
        return Response({"secret": secret, "uri": second_step.uri_of(self.user, secret), "enrolment": enrolment}, status=201)


class SecondStepRemovalView(OwnView):
    """Switches it off."""

    proof_methods = frozenset({"POST"})
    operation_ids: ClassVar = {"POST": "disableSecondStep"}

    @extend_schema(summary="Switch your second step off", request=SecondStepDisableSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        body = self.read(SecondStepDisableSerializer, request.data)
        services.disable_second_step(user=self.user, password=body["current_password"], code=body["code"])
        return Response(status=204)


class RecoveryCodesView(OwnView):
    """Fresh recovery codes."""

    proof_methods = frozenset({"POST"})
    operation_ids: ClassVar = {"POST": "renewRecoveryCodes"}

    @extend_schema(
        summary="Get fresh recovery codes",
        description="The old ones no longer work.",
        request=RecoveryCodesRenewSerializer,
        responses={201: RecoveryCodesSerializer},
    )
    def post(self, request: Request) -> Response:
        body = self.read(RecoveryCodesRenewSerializer, request.data)
        return Response({"recovery_codes": services.renew_recovery_codes(user=self.user, password=body["current_password"])}, status=201)

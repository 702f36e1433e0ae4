"""The API of one's own security: password, e-mail address, sessions; and the links that mails carry."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.api.views import PublicApiView
from kernel.crypto import digest
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.accounts import selectors, services
from shared_apps.accounts.api.own import OwnView, session_key
from shared_apps.accounts.devices import device_of
from shared_apps.accounts.models import MailKind, UserSession
from shared_apps.accounts.signing_in import stay


class SessionSerializer(StrictSerializer):
    """A browser in which you are signed in."""

    id = serializers.UUIDField()
    browser = serializers.CharField(help_text="Empty where it is not known")
    system = serializers.CharField(help_text="Empty where it is not known")
    ip = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(help_text="Exact to five minutes")
    is_current = serializers.BooleanField(help_text="Whether this request came from it")


class SessionListSerializer(StrictSerializer):
    """Your sessions, the last seen first."""

    results = SessionSerializer(many=True)


@extend_schema_serializer(
    examples=[OpenApiExample("A new one", value={"current_password": "what it was", "password": "a new long phrase"}, request_only=True)]
)
class PasswordChangeSerializer(StrictSerializer):
    """The present password and the new one."""

    current_password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)
    password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)


@extend_schema_serializer(
    examples=[OpenApiExample("A new one", value={"current_password": "what it is", "email": "ana@new.example"}, request_only=True)]
)
class EmailChangeSerializer(StrictSerializer):
    """The new address; the password proves that it is you."""

    current_password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)
    email = serializers.CharField(max_length=254)


@extend_schema_serializer(examples=[OpenApiExample("For Ana", value={"email": "ana@acme.example"}, request_only=True)])
class PasswordResetRequestSerializer(StrictSerializer):
    """Whose password is forgotten."""

    email = serializers.CharField(max_length=254)


@extend_schema_serializer(examples=[OpenApiExample("A new one", value={"password": "a new long phrase"}, request_only=True)])
class PasswordResetSerializer(StrictSerializer):
    """The new password."""

    password = serializers.CharField(write_only=True, max_length=200, trim_whitespace=False)


class PasswordResetListView(PublicApiView):
    """Asks for a link that sets a new password."""

    tag = "sign-in"
    operation_ids: ClassVar = {"POST": "requestPasswordReset"}

    @extend_schema(
        summary="Ask for a new password",
        description="The answer is the same whether or not somebody signs in with the address. The link works once and for an hour.",
        request=PasswordResetRequestSerializer,
        responses={202: None},
    )
    def post(self, request: Request) -> Response:
        services.request_password_reset(email=self.read(PasswordResetRequestSerializer, request.data)["email"])
        return Response(status=202)


class PasswordResetView(PublicApiView):
    """Follows the link of a reset mail."""

    tag = "sign-in"
    operation_ids: ClassVar = {"PUT": "resetPassword"}

    @extend_schema(
        summary="Set a new password with the link's token",
        description="All sessions of the user end. Nobody is signed in by this.",
        request=PasswordResetSerializer,
        responses={204: None},
    )
    def put(self, request: Request, reset_token: str) -> Response:
        body = self.read(PasswordResetSerializer, request.data)
        services.reset_password(mail=services.open_mail(reset_token, MailKind.PASSWORD_RESET), password=body["password"])
        return Response(status=204)


class EmailConfirmationView(PublicApiView):
    """Follows the link in the new mailbox."""

    tag = "sign-in"
    operation_ids: ClassVar = {"PUT": "confirmEmailChange"}

    @extend_schema(summary="Confirm a new e-mail address with the link's token", request=None, responses={204: None})
    def put(self, request: Request, email_token: str) -> Response:
        services.confirm_email_change(mail=services.open_mail(email_token, MailKind.EMAIL_CONFIRM))
        return Response(status=204)


class EmailUndoView(PublicApiView):
    """Follows the link in the old mailbox."""

    tag = "sign-in"
    operation_ids: ClassVar = {"PUT": "undoEmailChange"}

    @extend_schema(
        summary="Take back a change of the e-mail address with the link's token",
        description="All sessions and the password end; a link for a new password is sent to the address.",
        request=None,
        responses={204: None},
    )
    def put(self, request: Request, undo_token: str) -> Response:
        services.undo_email_change(mail=services.open_mail(undo_token, MailKind.EMAIL_UNDO))
        return Response(status=204)


class PasswordView(OwnView):
    """Changes one's own password."""

    operation_ids: ClassVar = {"PUT": "changePassword"}

    @extend_schema(
        summary="Change your password",
        description="Your other sessions end, and your mailbox is told.",
        request=PasswordChangeSerializer,
        responses={204: None},
    )
    def put(self, request: Request) -> Response:
        body = self.read(PasswordChangeSerializer, request.data)
        key = session_key(request)
        services.change_password(user=self.user, current=body["current_password"], new=body["password"], session_key=key)
        if key:
            stay(request._request, self.user)
        return Response(status=204)


class EmailChangeView(OwnView):
    """Asks for another e-mail address."""

    proof_methods = frozenset({"POST"})
    operation_ids: ClassVar = {"POST": "requestEmailChange"}

    @extend_schema(
        summary="Change your e-mail address",
        description="A link is sent to the new mailbox. The address changes when it is followed; then the old mailbox is told.",
        request=EmailChangeSerializer,
        responses={202: None},
    )
    def post(self, request: Request) -> Response:
        body = self.read(EmailChangeSerializer, request.data)
        services.request_email_change(user=self.user, password=body["current_password"], email=body["email"])
        return Response(status=202)


class SessionListView(OwnView):
    """Lists one's own sessions and ends all others."""

    operation_ids: ClassVar = {"GET": "listSessions", "DELETE": "endOtherSessions"}

    @extend_schema(summary="List your sessions", responses=SessionListSerializer)
    def get(self, request: Request) -> Response:
        key = session_key(request)
        return Response({"results": [session_json(row, key) for row in selectors.sessions_of(self.user)]})

    @extend_schema(summary="Sign out everywhere else", request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        services.end_sessions(user=self.user, but=session_key(request))
        return Response(status=204)


class SessionView(OwnView):
    """Ends one of one's own sessions."""

    operation_ids: ClassVar = {"DELETE": "endSession"}

    @extend_schema(summary="Sign out one browser", request=None, responses={204: None})
    def delete(self, request: Request, session_id: uuid.UUID) -> Response:
        row = selectors.sessions_of(self.user).filter(public_id=session_id).first()
        if row is None:
            raise NotFound
        services.end_session(row=row)
        return Response(status=204)


def session_json(row: UserSession, session_key: str) -> dict[str, Any]:  # Any: JSON
    """A session as API and page show it."""
    browser, system = device_of(row.user_agent)
    return {
        "id": row.public_id,
        "browser": browser,
        "system": system,
        "ip": row.ip,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
        "is_current": row.session_digest == digest(session_key),
    }

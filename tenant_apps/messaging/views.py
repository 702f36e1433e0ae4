"""The conversation API: messages, sending again, and the files behind signed links."""

import uuid
from typing import Any, ClassVar
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from kernel import storage
from kernel.api.pagination import CursorQuerySerializer, Order, keyset_page, page_body
from kernel.api.renderers import FilesJSONParser
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.messaging import selectors, services
from tenant_apps.messaging.models import Conversation, Visibility
from tenant_apps.messaging.serializers import MessageCreateSerializer, MessageSerializer, message_json

OLDEST_FIRST = Order(("id",), is_descending=False)


class MessagePageSerializer(StrictSerializer):
    """A page of messages, oldest first."""

    results = MessageSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class MessageQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The query of the message list."""


class ConversationSerializer(StrictSerializer):
    """A conversation."""

    id = serializers.UUIDField()
    subject = serializers.CharField(allow_blank=True)
    inbox = serializers.UUIDField()
    contact = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    last_message_at = serializers.DateTimeField(allow_null=True)


class ConversationView(ApiView):
    """Reads one conversation."""

    tag = "conversations"
    permission = "messaging.message.read"
    operation_ids: ClassVar = {"GET": "readConversation"}

    @extend_schema(summary="Read a conversation", responses=ConversationSerializer)
    def get(self, request: Request, conversation_id: uuid.UUID) -> Response:
        conversation = _find(request, conversation_id)
        return Response(
            {
                "id": conversation.public_id,
                "subject": conversation.subject,
                "inbox": conversation.inbox.public_id,
                "contact": conversation.contact.public_id,
                "created_at": conversation.created_at,
                "last_message_at": conversation.last_message_at,
            }
        )


class ConversationMessagesView(IdempotentPostView):
    """Lists the messages of a conversation and adds replies and notes."""

    tag = "conversations"
    permissions_by_method: ClassVar = {"GET": selectors.READ, "POST": selectors.READ}
    operation_ids: ClassVar = {"GET": "listMessages", "POST": "createMessage"}
    parser_classes = (FilesJSONParser,)

    @extend_schema(summary="List the messages of a conversation", parameters=[MessageQuerySerializer], responses=MessagePageSerializer)
    def get(self, request: Request, conversation_id: uuid.UUID) -> Response:
        query = self.query(MessageQuerySerializer)
        conversation = _find(request, conversation_id)
        keys = selectors.messages_visible_to(request.user).filter(conversation=conversation).values("id")
        page = keyset_page(keys, order=OLDEST_FIRST, cursor=query.get("cursor", ""), limit=query["limit"])
        loaded = {
            message.pk: message for message in selectors.messages_of([conversation.pk]).filter(pk__in=[row["id"] for row in page.rows])
        }
        return Response(page_body(request, page, lambda row: message_json(loaded[row["id"]])))

    @extend_schema(summary="Reply or add a note", request=MessageCreateSerializer, responses={201: MessageSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        conversation = _find(request, path["conversation_id"])
        body = self.read(MessageCreateSerializer, request.data)
        is_note = body.pop("visibility") == Visibility.INTERNAL
        selectors.require_on_conversation(request.user, selectors.NOTE if is_note else selectors.SEND, conversation)
        write = services.add_note if is_note else services.send_reply
        message = write(conversation=conversation, author=self.user, **body)
        return _message(message.public_id, status=201)


class MessageDeliveryView(ApiView):
    """Sends a failed reply again."""

    tag = "conversations"
    permission = "messaging.message.send"
    operation_ids: ClassVar = {"POST": "retryMessage"}

    @extend_schema(summary="Send a failed reply again", request=None, responses={200: MessageSerializer})
    def post(self, request: Request, message_id: uuid.UUID) -> Response:
        message = selectors.messages_visible_to(request.user).select_related("conversation").filter(public_id=message_id).first()
        if message is None:
            raise NotFound
        selectors.require_on_conversation(request.user, selectors.SEND, message.conversation)
        services.retry_delivery(message=message)
        return _message(message_id)


def attachment(request: HttpRequest, attachment_id: uuid.UUID, expires: int, mac: str) -> HttpResponse:
    """The bytes behind a signed link: a picture is shown, everything else is downloaded; nothing runs in our origin."""
    found = selectors.attachment_by_id(attachment_id) if services.verify_attachment_link(attachment_id, expires, mac) else None
    if found is None:
        raise Http404
    is_picture = found.content_type in services.SHOWN_INLINE
    answer = HttpResponse(storage.get(found.storage_key), content_type=found.content_type if is_picture else "application/octet-stream")
    answer["Content-Disposition"] = f"{'inline' if is_picture else 'attachment'}; filename*=UTF-8''{quote(found.filename, safe='')}"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["Cache-Control"] = "private, max-age=600"
    return answer


def _find(request: Request, conversation_id: uuid.UUID) -> Conversation:
    conversation = selectors.conversations_visible_to(request.user).filter(public_id=conversation_id).first()
    if conversation is None:
        raise NotFound
    return conversation


def _message(message_id: uuid.UUID, *, status: int = 200) -> Response:
    message = selectors.message_by_id(message_id)
    if message is None:
        raise NotFound
    return Response(message_json(message), status=status)

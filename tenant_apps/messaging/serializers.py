"""The JSON of messages."""

import base64
import binascii
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from kernel.html import sanitise
from rest_framework import serializers

from tenant_apps.messaging.incoming import FileContent
from tenant_apps.messaging.models import Attachment, AuthorKind, DeliveryState, Direction, Message, MessageKind, Visibility
from tenant_apps.messaging.services import sign_attachment


class AttachmentInSerializer(StrictSerializer):
    """A file of an agent's message."""

    filename = serializers.CharField(max_length=200)
    content_type = serializers.CharField(max_length=120, default="application/octet-stream")
    content_base64 = serializers.CharField(help_text="The bytes in base64")

    def validate_content_base64(self, value: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError(_("This is not base64"), code="invalid") from error


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A note", value={"visibility": "internal", "body_text": "Called the workshop: two rotors in stock."}, request_only=True
        )
    ]
)
class MessageCreateSerializer(StrictSerializer):
    """A reply (`public`) or a note (`internal`). One of body_text and body_html, or an attachment."""

    visibility = serializers.ChoiceField(choices=Visibility.choices)
    body_text = serializers.CharField(required=False, allow_blank=True, max_length=100_000, trim_whitespace=False)
    body_html = serializers.CharField(required=False, allow_blank=True, max_length=100_000, trim_whitespace=False)
    attachments = serializers.ListField(child=AttachmentInSerializer(), required=False, max_length=20)
    client_token = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="Your id for this message: a second request with it changes nothing"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        files = attrs.get("attachments", [])
        if not (attrs.get("body_text", "").strip() or attrs.get("body_html", "").strip() or files):
            raise serializers.ValidationError({"body_text": [serializers.ErrorDetail(_("Write something first"), code="required")]})
        attrs["attachments"] = [
            FileContent(filename=file["filename"], content_type=file["content_type"], content=file["content_base64"]) for file in files
        ]
        return attrs


class AuthorSerializer(StrictSerializer):
    """Who wrote a message."""

    kind = serializers.ChoiceField(choices=AuthorKind.choices)
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class AttachmentSerializer(StrictSerializer):
    """A file; `url` is signed and works for ten minutes."""

    id = serializers.UUIDField()
    filename = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes")
    url = serializers.CharField()


class DeliverySerializer(StrictSerializer):
    """How far an outgoing reply has come."""

    state = serializers.ChoiceField(choices=DeliveryState.choices)
    error = serializers.CharField(allow_blank=True)


class MessageSerializer(StrictSerializer):
    """One message of a conversation."""

    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    visibility = serializers.ChoiceField(choices=Visibility.choices)
    kind = serializers.ChoiceField(choices=MessageKind.choices, help_text="What wrote it: a person, an autoresponder, a mail server")
    author = AuthorSerializer()
    is_third_party = serializers.BooleanField(help_text="Written by someone who was not part of the conversation")
    subject = serializers.CharField(allow_blank=True)
    body_text = serializers.CharField(allow_blank=True)
    body_html = serializers.CharField(allow_blank=True, help_text="Sanitised; remote images are removed")
    quoted_text = serializers.CharField(allow_blank=True, help_text="What the mail repeated of earlier ones")
    blocked_images = serializers.IntegerField()
    attachments = AttachmentSerializer(many=True)
    delivery = DeliverySerializer()
    created_at = serializers.DateTimeField()


def message_json(message: Message) -> dict[str, Any]:  # Any: JSON
    """The public shape of a message whose authors and files are loaded."""
    files = list(message.attachments.all())
    return {
        "id": message.public_id,
        "conversation": message.conversation.public_id,
        "direction": message.direction,
        "visibility": message.visibility,
        "kind": message.kind,
        "author": _author(message),
        "is_third_party": message.is_third_party,
        "subject": message.subject,
        "body_text": message.body_text,
        "body_html": safe_html(message, files),
        "quoted_text": message.quoted_text,
        "blocked_images": message.blocked_images,
        "attachments": [_attachment(file) for file in files],
        "delivery": {"state": message.delivery_state, "error": message.delivery_error},
        "created_at": message.created_at,
    }


def safe_html(message: Message, files: list[Attachment]) -> str:
    """The body, sanitised once more on its way out, its inline images pointing to signed links."""
    if not message.body_html:
        return ""
    images = {file.content_id: sign_attachment(file.public_id) for file in files if file.content_id}
    return sanitise(message.body_html, images=images).html


def _author(message: Message) -> dict[str, Any]:  # Any: JSON
    author = message.author_user or message.author_contact
    if author is None:
        return {"kind": message.author_kind, "id": None, "name": ""}
    return {"kind": message.author_kind, "id": author.public_id, "name": str(author)}


def _attachment(file: Attachment) -> dict[str, Any]:  # Any: JSON
    return {
        "id": file.public_id,
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "url": sign_attachment(file.public_id),
    }

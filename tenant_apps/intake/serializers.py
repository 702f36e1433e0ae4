"""The JSON of inbound events and of the generic hook."""

from typing import Any

from kernel.api.pagination import CursorQuerySerializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers

from tenant_apps.intake.models import InboundEvent, InboundState


class HookContactSerializer(StrictSerializer):
    """Who wrote: known by the id your system gives."""

    external_id = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=160, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, help_text="Shown to agents; it never joins two contacts")


class HookFileSerializer(StrictSerializer):
    """A file in the body."""

    filename = serializers.CharField()
    content_type = serializers.CharField()
    content_base64 = serializers.CharField()


class HookMessageSerializer(StrictSerializer):
    """The body of a hook. It is checked when it is processed: what does not fit is parked with its reason, never lost."""

    message_id = serializers.CharField(max_length=200, required=False, help_text="Your id of the message; default: webhook-id")
    contact = HookContactSerializer()
    conversation_id = serializers.CharField(max_length=200, required=False, help_text="Your id of the thread; without it a new one begins")
    subject = serializers.CharField(required=False)
    text = serializers.CharField(required=False)
    html = serializers.CharField(required=False)
    attachments = HookFileSerializer(many=True, required=False)


class HookAnswerSerializer(StrictSerializer):
    """The stored event."""

    id = serializers.UUIDField()


class InboundQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The query of the list."""

    state = serializers.ChoiceField(choices=InboundState.choices, required=False)


class InboundErrorSerializer(StrictSerializer):
    """Why an event was parked, ignored or will be tried again."""

    code = serializers.CharField()
    detail = serializers.CharField()


class InboundInboxSerializer(StrictSerializer):
    """The inbox an event arrived on."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class InboundEventSerializer(StrictSerializer):
    """Something that arrived from outside."""

    id = serializers.UUIDField()
    inbox = InboundInboxSerializer()
    connector = serializers.CharField()
    state = serializers.ChoiceField(choices=InboundState.choices)
    error = InboundErrorSerializer(allow_null=True)
    received_at = serializers.DateTimeField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    attempts = serializers.IntegerField()
    sender = serializers.CharField()
    subject = serializers.CharField()
    message_id = serializers.UUIDField(allow_null=True)
    conversation_id = serializers.UUIDField(allow_null=True)
    duplicate_of = serializers.UUIDField(allow_null=True)


class InboundPageSerializer(StrictSerializer):
    """A page of events."""

    results = InboundEventSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


def row_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values, JSON
    """A row of the list in the shape of InboundEventSerializer."""
    return {
        "id": row["public_id"],
        "inbox": {"id": row["inbox__public_id"], "name": row["inbox__name"]},
        "connector": row["connector"],
        "state": row["state"],
        "error": {"code": row["error_code"], "detail": row["error_detail"]} if row["error_code"] else None,
        "received_at": row["received_at"],
        "size": row["size"],
        "sha256": row["body_sha256"],
        "attempts": row["attempts"],
        "sender": row["sender"],
        "subject": row["subject"],
        "message_id": row["message__public_id"],
        "conversation_id": row["message__conversation__public_id"],
        "duplicate_of": row["duplicate_of__public_id"],
    }


def event_json(event: InboundEvent) -> dict[str, Any]:  # Any: JSON
    """One event in the same shape."""
    return {
        "id": event.public_id,
        "inbox": {"id": event.inbox.public_id, "name": event.inbox.name},
        "connector": event.connector,
        "state": event.state,
        "error": {"code": event.error_code, "detail": event.error_detail} if event.error_code else None,
        "received_at": event.received_at,
        "size": event.size,
        "sha256": event.body_sha256,
        "attempts": event.attempts,
        "sender": event.sender,
        "subject": event.subject,
        "message_id": event.message.public_id if event.message else None,
        "conversation_id": event.message.conversation.public_id if event.message else None,
        "duplicate_of": event.duplicate_of.public_id if event.duplicate_of else None,
    }

"""The JSON of inboxes and channel types."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from kernel.api.pagination import CursorQuerySerializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers


class InboxTeamSerializer(StrictSerializer):
    """The team new tickets of an inbox go to."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class InboxHealthSerializer(StrictSerializer):
    """Whether the channel works: the last success, and the last error if it came later."""

    last_event_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)


class InboxSerializer(StrictSerializer):
    """A channel account."""

    id = serializers.UUIDField()
    connector = serializers.CharField()
    name = serializers.CharField()
    address = serializers.CharField(allow_null=True, help_text="The mail address; null where the address is the secret key of a hook")
    default_team = InboxTeamSerializer(allow_null=True)
    is_paused = serializers.BooleanField()
    health = InboxHealthSerializer()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


@extend_schema_serializer(examples=[OpenApiExample("A change of secrets", value={"keep_current": True}, request_only=True)])
class HookSecretCreateSerializer(StrictSerializer):
    """A new signing secret."""

    keep_current = serializers.BooleanField(default=False, help_text="The present secret stays valid beside the new one")


class HookSecretSerializer(StrictSerializer):
    """Where senders post, and the secret they sign with, which is shown this once."""

    hook_url = serializers.CharField()
    secret = serializers.CharField()


class InboxPageSerializer(StrictSerializer):
    """A page of inboxes, newest first."""

    results = InboxSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class InboxQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The query of the inbox list."""

    connector = serializers.CharField(required=False, max_length=32, help_text="Slug of a channel type")


class CapabilitiesSerializer(StrictSerializer):
    """What a channel can do. Sizes are in bytes, `text_limit` in characters."""

    can_start = serializers.BooleanField()
    has_html = serializers.BooleanField()
    has_attachments = serializers.BooleanField()
    has_receipts = serializers.BooleanField()
    text_limit = serializers.IntegerField()
    attachment_limit = serializers.IntegerField()


class SettingSerializer(StrictSerializer):
    """One setting of an inbox, for drawing a form."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF fields have an attribute of this name
    kind = serializers.CharField()
    is_required = serializers.BooleanField()
    help_text = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # as above


class ConnectorSerializer(StrictSerializer):
    """A channel type."""

    slug = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # as above
    capabilities = CapabilitiesSerializer()
    settings = SettingSerializer(many=True)


class ConnectorListSerializer(StrictSerializer):
    """All channel types."""

    results = ConnectorSerializer(many=True)


def inbox_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values, JSON
    """The public shape of an inbox. A hook's route key is not shown: whoever knows it may try signatures."""
    team = {"id": row["default_team__public_id"], "name": row["default_team__name"]} if row["default_team__public_id"] else None
    return {
        "id": row["public_id"],
        "connector": row["connector"],
        "name": row["name"],
        "address": row["address"] if row["connector"] == "email" else None,
        "default_team": team,
        "is_paused": row["is_paused"],
        "health": {"last_event_at": row["last_event_at"], "last_error": row["last_error"]},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }

"""The JSON of tickets."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from kernel.api.pagination import CursorQuerySerializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers

from tenant_apps.tickets.models import Priority, StatusCategory, TicketUserObjectPermission
from tenant_apps.tickets.reach import CHANGE_SHARE, share_id
from tenant_apps.tickets.selectors import ORDERS

NOBODY = "none"


class StatusSerializer(StrictSerializer):
    """A status: branch on `category`, show `label`."""

    key = serializers.CharField()
    category = serializers.ChoiceField(choices=StatusCategory.choices)
    label = serializers.CharField()  # type: ignore[assignment]  # the name is the wire format's


class StatusListSerializer(StrictSerializer):
    """All statuses in their order."""

    results = StatusSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Let a colleague work on it", value={"level": "work"}, request_only=True)])
class ShareSerializer(StrictSerializer):
    """How far a share goes: `view`, or `work` for changing and answering as well, as far as the colleague's roles let them anywhere."""

    level = serializers.ChoiceField(choices=[("view", "view"), ("work", "work")])


class TicketShareSerializer(StrictSerializer):
    """A colleague who reaches the ticket by a share."""

    user = serializers.UUIDField()
    name = serializers.CharField()
    level = serializers.ChoiceField(choices=[("view", "view"), ("work", "work")])


class ShareListSerializer(StrictSerializer):
    """All shares of a ticket, by name."""

    results = TicketShareSerializer(many=True)


class PersonSerializer(StrictSerializer):
    """A member of the tenant or a team."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class RequesterSerializer(StrictSerializer):
    """The contact who asked."""

    id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)


class TicketSerializer(StrictSerializer):
    """A ticket."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    subject = serializers.CharField()
    status = StatusSerializer()
    priority = serializers.ChoiceField(choices=Priority.choices)
    assignee = PersonSerializer(allow_null=True)
    team = PersonSerializer(allow_null=True)
    requester = RequesterSerializer()
    tags = serializers.ListField(child=serializers.CharField())
    conversations = serializers.ListField(child=serializers.UUIDField(), help_text="The current one last")
    version = serializers.IntegerField(help_text="Send it back in If-Match")
    snippet = serializers.CharField(allow_blank=True)
    is_unread = serializers.BooleanField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    solved_at = serializers.DateTimeField(allow_null=True)
    reopen_count = serializers.IntegerField()
    follow_up_of = serializers.UUIDField(allow_null=True)
    last_message_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TicketPageSerializer(StrictSerializer):
    """A page of tickets."""

    results = TicketSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class ReferenceField(serializers.CharField):
    """A UUID, or `none` for nobody."""

    def to_internal_value(self, data: Any) -> str:  # Any: JSON
        value = super().to_internal_value(data)
        if value == NOBODY:
            return value
        try:
            return str(uuid.UUID(value))
        except ValueError as error:
            raise serializers.ValidationError("A UUID, or none", code="invalid") from error


class TicketFilterSerializer(StrictSerializer):
    """The filters of list and export; several narrow it down together."""

    status = serializers.CharField(required=False, max_length=200, help_text="Status keys or categories, separated by commas")
    assignee = ReferenceField(required=False, help_text="A user's id, or `none`")
    team = ReferenceField(required=False, help_text="A team's id, or `none`")
    tag = serializers.CharField(required=False, max_length=40)
    requester = serializers.UUIDField(required=False, help_text="A contact's id")
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    search = serializers.CharField(required=False, max_length=200, help_text="Words of the subject or the requester, or #number")


class TicketQuerySerializer(TicketFilterSerializer, CursorQuerySerializer):
    """The query of the ticket list."""

    sort = serializers.ChoiceField(required=False, choices=sorted(ORDERS), default="-last_message_at")


class TicketExportQuerySerializer(TicketFilterSerializer):
    """The query of the export."""

    format = serializers.ChoiceField(choices=["csv", "jsonl"])


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A ticket by mail address",
            value={
                "subject": "Rear brake rubs",
                "requester_email": "bia@mail.example",
                "message": "It rubs since Saturday.",
                "tags": ["warranty"],
            },
            request_only=True,
        )
    ]
)
class TicketCreateSerializer(StrictSerializer):
    """A new ticket. Its requester is a contact's id or an e-mail address; with a `message` a conversation begins with it."""

    subject = serializers.CharField(max_length=500)
    requester_id = serializers.UUIDField(required=False)
    requester_email = serializers.EmailField(required=False)
    requester_name = serializers.CharField(required=False, max_length=160, allow_blank=True)
    inbox_id = serializers.UUIDField(required=False, help_text="Where the conversation happens; the first mail inbox by default")
    message = serializers.CharField(required=False, max_length=100_000, help_text="What the requester said, kept as their first message")
    priority = serializers.ChoiceField(required=False, choices=Priority.choices)
    assignee_id = serializers.UUIDField(required=False, allow_null=True)
    team_id = serializers.UUIDField(required=False, allow_null=True)
    tags = serializers.ListField(required=False, child=serializers.CharField(max_length=40), max_length=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        if ("requester_id" in attrs) == ("requester_email" in attrs):
            detail = serializers.ErrorDetail("Send either requester_id or requester_email", code="required")
            raise serializers.ValidationError({"requester_id": [detail]})
        return attrs


@extend_schema_serializer(
    examples=[OpenApiExample("Raise the priority", value={"priority": "high", "add_tags": ["vip"]}, request_only=True)]
)
class TicketUpdateSerializer(StrictSerializer):
    """The fields to change; what is left out stays. Tags are deltas."""

    subject = serializers.CharField(required=False, max_length=500)
    status = serializers.CharField(required=False, max_length=40, help_text="A status key")
    priority = serializers.ChoiceField(required=False, choices=Priority.choices)
    assignee_id = serializers.UUIDField(required=False, allow_null=True)
    team_id = serializers.UUIDField(required=False, allow_null=True)
    add_tags = serializers.ListField(required=False, child=serializers.CharField(max_length=40), max_length=50)
    remove_tags = serializers.ListField(required=False, child=serializers.CharField(max_length=40), max_length=50)


def ticket_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values in, JSON out
    """The public shape of a row of `ticket_page`."""
    return {
        "id": row["public_id"],
        "number": row["number"],
        "subject": row["subject"],
        "status": {"key": row["status__key"], "category": row["category"], "label": row["status__label_agent"]},
        "priority": row["priority"],
        "assignee": _reference(row, "assignee"),
        "team": _reference(row, "team"),
        "requester": {"id": row["requester__public_id"], "name": row["requester__name"], "email": row["requester__email"]},
        "tags": row["tags"],
        "conversations": row["conversations"],
        "version": row["version"],
        "snippet": row["snippet"],
        "is_unread": row["is_unread"],
        "waiting_since": row["waiting_since"],
        "solved_at": row["solved_at"],
        "reopen_count": row["reopen_count"],
        "follow_up_of": row["follow_up_of__public_id"],
        "last_message_at": row["last_message_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _reference(row: dict[str, Any], name: str) -> dict[str, Any] | None:  # Any: column values
    public_id = row[f"{name}__public_id"]
    return None if public_id is None else {"id": public_id, "name": row[f"{name}__name"]}


def share_json(share: TicketUserObjectPermission) -> dict[str, Any]:  # Any: JSON
    """A share as the API shows it."""
    level = "work" if share.permission_id == share_id(CHANGE_SHARE) else "view"
    return {"user": share.user.public_id, "name": share.user.name, "level": level}

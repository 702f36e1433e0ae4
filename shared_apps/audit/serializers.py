"""The shape of audit entries, in lists and in exports."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from kernel.api.pagination import CursorQuerySerializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers

from shared_apps.audit.exporting import FORMATS
from shared_apps.audit.models import Outcome
from shared_apps.audit.selectors import Wanted
from shared_apps.audit.services import LONGEST_DAYS, SHORTEST_DAYS

_EXAMPLE: Final = {
    "n": 812,
    "at": "2026-03-04T09:12:44.120113Z",
    "actor": {"kind": "user", "id": "019501d8-7c00-7000-8000-000000000001", "name": "Ana", "on_behalf_of": None},
    "action": "ticket.update",
    "object": {"type": "ticket", "id": "019501d8-7c00-7000-8000-000000000002"},
    "changes": {"priority": ["normal", "high"]},
    "outcome": "done",
    "ip": "192.0.2.7",
    "user_agent": "Mozilla/5.0",
    "request_id": "019501d8-7c00-7000-8000-000000000003",
    "hash": "5f1d8c0e",
}


class AuditPersonSerializer(StrictSerializer):
    """Somebody named in an entry, as they were called then."""

    kind = serializers.CharField(help_text="user, api_key, contact, system, rule or operator")
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class AuditPrincipalSerializer(AuditPersonSerializer):
    """Who acted, and whose rights were used where it was a key, a rule or an operator."""

    on_behalf_of = AuditPersonSerializer(allow_null=True)


class AuditObjectSerializer(StrictSerializer):
    """What was acted on; of a refused call the address (`route`) and the id that stood in it."""

    type = serializers.CharField()
    id = serializers.UUIDField()


@extend_schema_serializer(examples=[OpenApiExample("A changed priority", value=_EXAMPLE, response_only=True)])
class AuditEntrySerializer(StrictSerializer):
    """One entry of the trail. Secrets are masked when it is written. `hash` continues the hash of the entry before it."""

    n = serializers.IntegerField(help_text="Consecutive in your organization")
    at = serializers.DateTimeField()
    actor = AuditPrincipalSerializer()
    action = serializers.CharField()
    object = AuditObjectSerializer()
    changes = serializers.DictField(help_text="From a field to [old, new]")
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    ip = serializers.CharField(allow_blank=True)
    user_agent = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    hash = serializers.CharField()


class AuditPageSerializer(StrictSerializer):
    """A page of entries, newest first."""

    results = AuditEntrySerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class AuditFilterSerializer(StrictSerializer):
    """What narrows a list or an export."""

    actor = serializers.UUIDField(required=False, help_text="The id of the user, key, rule or operator who acted")
    action = serializers.CharField(required=False, max_length=64, help_text="Exactly this action, for example ticket.update")
    object_type = serializers.CharField(required=False, max_length=32, help_text="For example ticket; with object_id its history")
    object_id = serializers.UUIDField(required=False)
    outcome = serializers.ChoiceField(required=False, choices=Outcome.choices)
    search = serializers.CharField(required=False, max_length=64, help_text="Part of an action's name")

    def get_fields(self) -> dict[str, Any]:  # Any: DRF's fields
        """`from` is a word of Python's own, so the two moments are added here."""
        since = serializers.DateTimeField(required=False, help_text="The first moment wanted")
        until = serializers.DateTimeField(required=False, help_text="The first moment not wanted")
        return {**super().get_fields(), "from": since, "to": until}


class AuditQuerySerializer(AuditFilterSerializer, CursorQuerySerializer):
    """The query of the list."""


class AuditExportQuerySerializer(AuditFilterSerializer):
    """The query of the export."""

    format = serializers.ChoiceField(choices=sorted(FORMATS))


@extend_schema_serializer(
    examples=[
        OpenApiExample("A year", value={"keep_days": 365, "old_entries": 812, "oldest_at": "2025-01-02T08:00:00Z"}, response_only=True)
    ]
)
class RetentionSerializer(StrictSerializer):
    """How long entries are kept, and what is older: it goes within the hour, once there is a day's worth of it."""

    keep_days = serializers.IntegerField(allow_null=True, help_text="null: for ever")
    old_entries = serializers.IntegerField(help_text="How many are older than that, or than the days you asked about")
    oldest_at = serializers.DateTimeField(allow_null=True, help_text="From when the first of them is")


class RetentionQuerySerializer(StrictSerializer):
    """What to look ahead for."""

    keep_days = serializers.IntegerField(
        required=False, min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS, help_text="Count what would go if this were set"
    )


@extend_schema_serializer(examples=[OpenApiExample("A year", value={"keep_days": 365}, request_only=True)])
class RetentionUpdateSerializer(StrictSerializer):
    """How many days entries are kept: at least 90, or null for ever."""

    keep_days = serializers.IntegerField(allow_null=True)


def wanted_from(query: dict[str, Any]) -> Wanted:  # Any: validated values
    """The filter that a validated query describes."""
    plain = {name: query[name] for name in ("actor", "action", "object_type", "object_id", "outcome", "search") if name in query}
    return Wanted(**plain, since=query.get("from"), until=query.get("to"))

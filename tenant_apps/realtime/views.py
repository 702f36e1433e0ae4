"""The event stream over HTTP, and tickets for sockets."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts.models import ApiKey

from tenant_apps.realtime import selectors, tickets
from tenant_apps.realtime.errors import EventsGone

READ = "events.event.read"


class AggregateSerializer(StrictSerializer):
    """What an event is about."""

    type = serializers.CharField()
    id = serializers.UUIDField()


class EventActorSerializer(StrictSerializer):
    """Who caused an event."""

    kind = serializers.CharField()
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class EventSerializer(StrictSerializer):
    """A committed fact. `data` holds ids and changed values, never bodies."""

    v = serializers.IntegerField()
    seq = serializers.IntegerField()
    id = serializers.UUIDField()
    type = serializers.CharField()
    version = serializers.IntegerField()
    aggregate = AggregateSerializer()
    actor = EventActorSerializer()
    at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # the name is the wire format's


class EventPageSerializer(StrictSerializer):
    """Events in order. Ask again with `since` = `last_seq` while `has_more`."""

    results = EventSerializer(many=True)
    last_seq = serializers.IntegerField(help_text="How far this answer reaches")
    has_more = serializers.BooleanField()


class EventQuerySerializer(StrictSerializer):
    """Where to begin."""

    since = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**62, help_text="The last number you have seen")
    limit = serializers.IntegerField(required=False, default=100, min_value=1, max_value=500)


class SocketTicketSerializer(StrictSerializer):
    """A one-use ticket for `/ws/v1/events?ticket=`."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")


class EventListView(ApiView):
    """Reads the event log."""

    tag = "events"
    permission = READ
    operation_ids: ClassVar = {"GET": "listEvents"}

    @extend_schema(summary="Read events since a number", parameters=[EventQuerySerializer], responses={200: EventPageSerializer})
    def get(self, request: Request) -> Response:
        query = self.query(EventQuerySerializer)
        if selectors.is_too_old(query["since"]):
            raise EventsGone(last_seq=selectors.newest_seq())
        read = selectors.read_log(query["since"], limit=query["limit"])
        reached = read[-1].seq if read else min(query["since"], selectors.newest_seq())
        visible = selectors.events_visible_to(request.user, read)
        return Response({"results": [event.as_json() for event in visible], "last_seq": reached, "has_more": len(read) == query["limit"]})


class SocketTicketView(ApiView):
    """Issues tickets for sockets."""

    tag = "events"
    permission = READ
    operation_ids: ClassVar = {"POST": "createSocketTicket"}

    @extend_schema(summary="Create a socket ticket", request=None, responses={201: SocketTicketSerializer})
    def post(self, request: Request) -> Response:
        key_id = request.auth.public_id if isinstance(request.auth, ApiKey) else None
        ticket = tickets.issue(user_id=self.user.pk, key_id=key_id)
        return Response({"ticket": ticket, "expires_in": tickets.SECONDS}, status=201)

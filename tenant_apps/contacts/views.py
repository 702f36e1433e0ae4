"""The contact API."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.pagination import CursorQuerySerializer, page_body
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.contacts import selectors
from tenant_apps.contacts.models import IdentityKind


class ContactSerializer(StrictSerializer):
    """A person outside the tenant."""

    id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class IdentitySerializer(StrictSerializer):
    """One address of a contact."""

    kind = serializers.ChoiceField(choices=IdentityKind.choices)
    value = serializers.CharField()


class ContactDetailSerializer(ContactSerializer):
    """A contact with all addresses."""

    identities = IdentitySerializer(many=True)


class ContactPageSerializer(StrictSerializer):
    """A page of contacts, newest first."""

    results = ContactSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class ContactQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The query of the contact list."""

    search = serializers.CharField(required=False, max_length=200, help_text="Part of a name or address")


class ContactListView(ApiView):
    """Lists contacts."""

    tag = "contacts"
    permission = "contacts.contact.read"
    operation_ids: ClassVar = {"GET": "listContacts"}

    @extend_schema(summary="List contacts", parameters=[ContactQuerySerializer], responses=ContactPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(ContactQuerySerializer)
        page = selectors.contact_page(request.user, search=query.get("search", ""), cursor=query.get("cursor", ""), limit=query["limit"])
        return Response(page_body(request, page, contact_json))


class ContactView(ApiView):
    """Reads one contact."""

    tag = "contacts"
    permission = "contacts.contact.read"
    operation_ids: ClassVar = {"GET": "readContact"}

    @extend_schema(summary="Read a contact", responses=ContactDetailSerializer)
    def get(self, request: Request, contact_id: uuid.UUID) -> Response:
        contact = selectors.contact_detail(request.user, contact_id)
        if contact is None:
            raise NotFound
        body = contact_json({column: getattr(contact, column) for column in selectors.COLUMNS})
        body["identities"] = [{"kind": identity.kind, "value": identity.value} for identity in contact.identities.all()]
        return Response(body)


def contact_json(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values in, JSON out
    """The public shape of a contact."""
    return {
        "id": row["public_id"],
        "name": row["name"],
        "email": row["email"],
        "language": row["language"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }

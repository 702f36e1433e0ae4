"""Shapes of the API of single sign-on. The client's secret goes in and never comes out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from kernel.api.serializers import StrictSerializer
from rest_framework import serializers

from tenant_apps.sso.models import Connection, ConnectionDomain, ConnectionState
from tenant_apps.sso.selectors import Mapping, domains_of, mappings_of
from tenant_apps.sso.services import record_of, return_address

SCOPE_KINDS = [("team", "team"), ("inbox", "inbox")]
SETTABLE = [(state.value, state.value) for state in (ConnectionState.TESTED, ConnectionState.ENABLED, ConnectionState.ENFORCED)]
_EXAMPLE = {
    "name": "Company log-in",
    "issuer": "https://login.example.com",
    "client_id": "atende",
    "client_secret": "from-the-provider",
    "group_claim": "groups",
    "group_roles": [{"group": "support", "role": "viewer"}],
}


@extend_schema_field({"type": "string", "pattern": "^(team|inbox)$"})
class ScopeKindField(serializers.ChoiceField):
    """A kind of scope, or nothing for the whole organization."""


class GroupRoleSerializer(StrictSerializer):
    """A group of the provider's and the role its people get, for the whole tenant or for one team or inbox."""

    group = serializers.CharField(max_length=200)
    role = serializers.CharField(max_length=32)
    scope_kind = ScopeKindField(choices=SCOPE_KINDS, required=False, allow_blank=True)
    scope_id = serializers.UUIDField(required=False, allow_null=True)


class DomainSerializer(StrictSerializer):
    """An e-mail domain. It counts from the moment its TXT record was found."""

    id = serializers.UUIDField()
    domain = serializers.CharField()
    txt_record = serializers.CharField(help_text="The TXT record to put at the domain")
    verified_at = serializers.DateTimeField(allow_null=True)


class ConnectionTestSerializer(StrictSerializer):
    """The latest test sign-in: what the provider said, without tokens, and what a sign-in would make of it."""

    is_passed = serializers.BooleanField()
    at = serializers.DateTimeField()
    cause = serializers.CharField(allow_blank=True, help_text="Why nobody would be signed in by these claims; empty where somebody would")
    email = serializers.CharField(allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField())
    claims = serializers.DictField()


class ConnectionSerializer(StrictSerializer):
    """A connection to an identity provider."""

    id = serializers.UUIDField()
    protocol = serializers.CharField()
    name = serializers.CharField()
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    client_secret_set_at = serializers.DateTimeField(allow_null=True, help_text="When the secret was set; the secret itself is never shown")
    return_address = serializers.CharField(help_text="The redirect URI to enter at the provider")
    is_email_authoritative = serializers.BooleanField()
    is_creating_users = serializers.BooleanField()
    is_second_step_trusted = serializers.BooleanField()
    is_owner_approved = serializers.BooleanField(help_text="Whether it lets owners in: an owner has switched it on")
    default_role = serializers.CharField(allow_blank=True)
    group_claim = serializers.CharField(allow_blank=True)
    group_roles = GroupRoleSerializer(many=True)
    domains = DomainSerializer(many=True)
    state = serializers.ChoiceField(choices=ConnectionState.choices)
    last_test = ConnectionTestSerializer(allow_null=True)
    version = serializers.IntegerField()


class ConnectionListSerializer(StrictSerializer):
    """All connections, the oldest first."""

    results = ConnectionSerializer(many=True)


class ConnectionUpdateSerializer(StrictSerializer):
    """What is left out stays. Another issuer, client or secret makes the connection a draft again."""

    name = serializers.CharField(max_length=80, required=False)
    issuer = serializers.CharField(max_length=300, required=False, help_text="Exactly as the provider names itself; public and https")
    client_id = serializers.CharField(max_length=200, required=False)
    client_secret = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False)
    is_email_authoritative = serializers.BooleanField(
        required=False, help_text="Take addresses of the proven domains without `email_verified`"
    )
    is_creating_users = serializers.BooleanField(required=False, help_text="Create whoever comes for the first time")
    is_second_step_trusted = serializers.BooleanField(required=False, help_text="Ask nobody for a code who comes through it")
    default_role = serializers.CharField(
        max_length=32, required=False, allow_blank=True, help_text="For who is created; empty refuses who has none by a group"
    )
    group_claim = serializers.CharField(max_length=80, required=False, allow_blank=True)
    group_roles = GroupRoleSerializer(many=True, required=False)


@extend_schema_serializer(examples=[OpenApiExample("A provider", value=_EXAMPLE, request_only=True)])
class ConnectionCreateSerializer(ConnectionUpdateSerializer):
    """A new connection, as a draft."""

    name = serializers.CharField(max_length=80)
    issuer = serializers.CharField(max_length=300, help_text="Exactly as the provider names itself; public and https")
    client_id = serializers.CharField(max_length=200)


@extend_schema_serializer(examples=[OpenApiExample("Another name", value={"name": "Staff log-in"}, request_only=True)])
class ConnectionChangeSerializer(ConnectionUpdateSerializer):
    """What is left out stays. Another issuer, client or secret makes the connection a draft again."""


@extend_schema_serializer(examples=[OpenApiExample("Switch on", value={"state": "enabled"}, request_only=True)])
class ConnectionStateSerializer(StrictSerializer):
    """`enabled` signs people in, `enforced` also refuses passwords to all but owners, `tested` is off."""

    state = serializers.ChoiceField(choices=SETTABLE)


@extend_schema_serializer(examples=[OpenApiExample("A domain", value={"domain": "bikes.example"}, request_only=True)])
class DomainCreateSerializer(StrictSerializer):
    """A domain to be proven."""

    domain = serializers.CharField(max_length=253)


class TestAddressSerializer(StrictSerializer):
    """Open it within ten minutes in a browser where somebody who may set up single sign-on is signed in."""

    url = serializers.CharField()


def connection_json(found: Connection) -> dict[str, Any]:  # Any: JSON
    """A connection as the API shows it."""
    test = found.last_test
    return {
        "id": found.public_id,
        "protocol": found.protocol,
        "name": found.name,
        "issuer": found.issuer,
        "client_id": found.client_id,
        "client_secret_set_at": found.secret_set_at,
        "return_address": return_address(),
        "is_email_authoritative": found.is_email_authoritative,
        "is_creating_users": found.is_creating_users,
        "is_second_step_trusted": found.is_second_step_trusted,
        "is_owner_approved": found.is_owner_approved,
        "default_role": found.default_role,
        "group_claim": found.group_claim,
        "group_roles": [_mapping_json(mapping) for mapping in mappings_of(found)],
        "domains": [domain_json(domain) for domain in domains_of(found)],
        "state": found.state,
        "last_test": {"cause": "", "email": "", "roles": [], "claims": {}, **test} if test else None,
        "version": found.version,
    }


def domain_json(domain: ConnectionDomain) -> dict[str, Any]:  # Any: JSON
    """A domain as the API shows it."""
    return {"id": domain.public_id, "domain": domain.domain, "txt_record": record_of(domain), "verified_at": domain.verified_at}


def _mapping_json(mapping: Mapping) -> dict[str, Any]:  # Any: JSON
    scope_id = mapping.scope.public_id if mapping.scope else None
    return {"group": mapping.group, "role": mapping.role, "scope_kind": mapping.scope_kind, "scope_id": scope_id}

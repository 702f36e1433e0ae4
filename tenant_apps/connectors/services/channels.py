"""The way through a connector: from an inbox and a message to its adapter."""

import uuid
from collections.abc import Mapping
from typing import Any

from tenant_apps.connectors.errors import ConnectorUnavailable
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import CONNECTORS, Connector, Incoming, Outgoing
from tenant_apps.connectors.selectors import inbox_ref
from tenant_apps.contacts.models import Contact, IdentityKind


def read_inbound(*, inbox: Inbox, raw: bytes, headers: Mapping[str, str], envelope: Mapping[str, Any]) -> Incoming:  # Any: JSON
    """The message in a stored inbound event. Raises PayloadRefused, ConnectorUnavailable."""
    return connector_of(inbox).read(raw, inbox=inbox_ref(inbox), headers=headers, envelope=envelope)


def external_id_for(*, inbox: Inbox, message_id: uuid.UUID) -> str:
    """The id an outgoing message carries on its channel: for mail the signed Message-ID."""
    return connector_of(inbox).external_id_for(inbox=inbox_ref(inbox), message_id=message_id)


def recipient_of(*, inbox: Inbox, contact: Contact) -> str:
    """Where a reply to the contact goes on this channel; empty where the contact cannot be reached."""
    kind = IdentityKind.EMAIL if inbox.connector == "email" else IdentityKind.EXTERNAL
    value = contact.identities.filter(kind=kind).order_by("id").values_list("value", flat=True).first()
    if value is None and kind == IdentityKind.EMAIL:
        return contact.email
    return value or ""


def hand_over(*, inbox: Inbox, outgoing: Outgoing) -> None:
    """Sends a reply; call it with no transaction open. Raises HandOverFailed, ConnectorUnavailable."""
    connector_of(inbox).send(outgoing, inbox=inbox_ref(inbox))


def connector_of(inbox: Inbox) -> Connector:
    """The inbox's connector. Raises ConnectorUnavailable where its code has been removed."""
    connector = CONNECTORS.find(inbox.connector)
    if connector is None:
        raise ConnectorUnavailable(connector=inbox.connector)
    return connector()

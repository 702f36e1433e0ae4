"""Inboxes: creating them with the public route that leads to them, and keeping their health."""

import base64
import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _
from kernel import tenancy
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work
from shared_apps.tenants import services as tenants

from tenant_apps.connectors.errors import AddressTaken, ConnectorUnavailable, NoHook
from tenant_apps.connectors.events import InboxCreated, InboxSecretReplaced
from tenant_apps.connectors.mail import address as mail_address
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import CONNECTORS
from tenant_apps.organization.models import Team

ROUTE_KEY_BYTES = 18
SECRET_BYTES = 32


@dataclasses.dataclass(frozen=True, slots=True)
class NewInbox:
    """A created inbox with the secret of its hook, which is shown this once; empty for mail."""

    inbox: Inbox
    secret: str


def create_inbox(
    *,
    connector: str,
    name: str,
    address: str = "",
    config: Mapping[str, Any] | None = None,  # Any: JSON from a client
    default_team: Team | None = None,
) -> NewInbox:
    """Creates an inbox and its route. Call it with no transaction open: the route is a public row.

    A mail inbox needs its address; an API inbox gets an unguessable route key as its address, and a secret. Raises
    ConnectorUnavailable, ValidationProblem, and AddressTaken, after which nothing is left behind.
    """
    address = _checked_address(connector, name, address, config or {})
    secret = new_secret() if connector == "api" else ""
    inbox = _store(connector=connector, name=name, address=address, config=dict(config or {}), default_team=default_team)
    try:
        tenants.add_channel_route(
            tenant=tenancy.current_tenant(), connector=connector, external_id=address, inbox_id=inbox.public_id, secret=secret
        )
    except IntegrityError as error:  # another tenant's inbox has it
        inbox.delete()
        raise AddressTaken(address=address) from error
    return NewInbox(inbox=inbox, secret=secret)


@unit_of_work
def ensure_first_inbox(*, host: str, name: str) -> Inbox:
    """The mail inbox a fresh tenant starts with, `support@<its host>`; a second call returns it. The caller adds the route."""
    inbox = Inbox.objects.filter(connector="email").order_by("id").first()
    if inbox is None:
        inbox = Inbox.objects.create(connector="email", name=name[:80], address=f"support@{host}", config={})
        _record_creation(inbox)
    return inbox


def replace_secret(*, inbox: Inbox, keep_current: bool = False) -> str:
    """Gives an API inbox a new secret and returns it; it cannot be read again. Raises NoHook for an inbox of another kind.

    With `keep_current` the newest of the older secrets stays valid beside it, so that senders can change over one by one. Call it
    with no transaction open: the route is a public row.
    """
    if inbox.connector != "api":
        raise NoHook
    secret = new_secret()
    tenants.replace_route_secret(connector=inbox.connector, external_id=inbox.address, secret=secret, keep_current=keep_current)
    _record_new_secret(inbox)
    return secret


@unit_of_work
def _record_new_secret(inbox: Inbox) -> None:
    record(InboxSecretReplaced(aggregate_id=inbox.public_id))
    record_audit(action="inbox.replace_secret", object_type="inbox", object_id=inbox.public_id)


def note_inbox_error(*, inbox: Inbox, error: str) -> None:
    """Keeps the inbox's health up to date: empty for a success, otherwise the sentence an admin sees."""
    Inbox.objects.filter(pk=inbox.pk).update(last_error=error[:300], **({} if error else {"last_event_at": now()}))


def new_secret() -> str:
    """A Standard Webhooks secret of 256 bits."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


@unit_of_work
def _store(*, connector: str, name: str, address: str, config: dict[str, Any], default_team: Team | None) -> Inbox:  # Any: JSON
    inbox, created = Inbox.objects.get_or_create(
        connector=connector, address=address, defaults={"name": name.strip()[:80], "config": config, "default_team": default_team}
    )
    if not created:
        raise AddressTaken(address=address)
    _record_creation(inbox)
    return inbox


def _record_creation(inbox: Inbox) -> None:
    record(InboxCreated(aggregate_id=inbox.public_id, connector=inbox.connector))
    record_audit(action="inbox.create", object_type="inbox", object_id=inbox.public_id, changes={"name": [None, inbox.name]})


def _checked_address(connector: str, name: str, address: str, config: Mapping[str, Any]) -> str:  # Any: JSON from a client
    kind = CONNECTORS.find(connector)
    if kind is None:
        raise ConnectorUnavailable(connector=connector)
    errors = [FieldError(f"/config/{key}", "invalid", text) for key, text in kind().check_settings(config).items()]
    if not name.strip() or len(name) > 80:
        errors.append(FieldError("/name", "invalid", _("Give the inbox a name of at most 80 characters")))
    if connector == "email":
        address = mail_address.normalise(address)
        if not address or "+" in address:
            errors.append(FieldError("/address", "invalid", _("This is not a mail address without a plus part")))
    else:
        address = secrets.token_urlsafe(ROUTE_KEY_BYTES)
    if errors:
        raise ValidationProblem(errors)
    return address

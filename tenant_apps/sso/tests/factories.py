"""Connections for tests, as the services make them."""

import re
from typing import Any

from django.test import Client
from kernel.clock import now
from shared_apps.accounts.models import User

from tenant_apps.access.models import RoleAssignment
from tenant_apps.access.services import bump_access_version
from tenant_apps.sso import services
from tenant_apps.sso.models import Connection, ConnectionDomain, ConnectionState
from tenant_apps.sso.selectors import Mapping
from tenant_apps.sso.tests.fakes import Signer


def connection(
    by: User, signer: Signer, *, domain: str = "acme.example", state: str = ConnectionState.ENABLED, **values: Any
) -> Connection:
    """A connection in any state, with a proven domain."""
    wanted = {"name": "Company", "issuer": signer.issuer, "client_id": signer.client_id, "client_secret": signer.client_secret, **values}
    found = services.create_connection(by=by, values=services.ConnectionValues(**wanted))
    ConnectionDomain.objects.create(connection=found, domain=domain, proof="0" * 32, verified_at=now())
    Connection.objects.filter(pk=found.pk).update(state=state)
    found.refresh_from_db()
    return found


def group(name: str, role: str, kind: str = "", scope: Any = None) -> Mapping:
    """What a group gives."""
    return Mapping(name, role, kind, scope)


def make_owner(user: User) -> User:
    """Makes somebody an owner."""
    RoleAssignment.objects.get_or_create(user=user, role="owner")
    bump_access_version()
    return user


def start(browser: Client, found: Connection, **query: str) -> str:
    """The provider's address to which the browser is sent."""
    answer = browser.get(f"/sso/{found.public_id}/start", query)
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def sign_in(browser: Client, found: Connection, signer: Signer, **query: str) -> Any:
    """There and back; returns the answer of our callback."""
    return browser.get("/sso/callback", signer.authorize(start(browser, found, **query)))


def is_signed_in(browser: Client) -> bool:
    """Whether the browser's session belongs to somebody."""
    return browser.get("/me/").status_code == 200


def without_form_tokens(content: bytes) -> bytes:
    """A page without what differs at every look."""
    return re.sub(rb"csrfmiddlewaretoken.{73}|X-CSRFToken.{68}", b"", content)

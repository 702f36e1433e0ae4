"""E-mail domains of a connection: claimed, proven by a TXT record, given up."""

import re
import secrets
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, NotFound, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.sso.adapters.txt import txt_records
from tenant_apps.sso.errors import DomainNotProven, DomainTaken
from tenant_apps.sso.models import Connection, ConnectionDomain
from tenant_apps.sso.selectors import OBJECT
from tenant_apps.sso.services.connections import check_may_open, locked

MOST_DOMAINS: Final = 50
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])", re.ASCII)


@unit_of_work
def add_domain(*, connection: Connection, domain: str) -> ConnectionDomain:
    """Claims a domain; nothing is trusted until it is proven. Raises ValidationProblem, DomainTaken."""
    row, name = locked(connection), _plain(domain)
    if row.domains.count() >= MOST_DOMAINS:
        raise ValidationProblem([FieldError("/domain", "too-many", _("There are as many domains as there can be"))])
    if ConnectionDomain.objects.filter(domain=name).exists():
        raise DomainTaken
    found = ConnectionDomain.objects.create(connection=row, domain=name, proof=secrets.token_hex(16))
    record_audit(action="sso.add_domain", object_type=OBJECT, object_id=row.public_id, changes={"domain": [None, name]})
    return found


def verify_domain(*, by: User, domain: ConnectionDomain) -> ConnectionDomain:
    """Looks for the record and keeps that it is there. Raises DomainNotProven, and MayNotGrant as for opening the connection.

    The name system is asked, so this is nothing for a transaction.
    """
    if record_of(domain) not in txt_records(domain.domain):
        raise DomainNotProven
    return _keep(by=by, domain=domain)


@unit_of_work
def _keep(*, by: User, domain: ConnectionDomain) -> ConnectionDomain:
    connection = locked(domain.connection)
    row = ConnectionDomain.objects.filter(pk=domain.pk, proof=domain.proof).first()
    if row is None:
        raise NotFound
    if connection.is_open:
        check_may_open(by)
    row.verified_at = now()
    row.save(update_fields=["verified_at"])
    record_audit(action="sso.verify_domain", object_type=OBJECT, object_id=connection.public_id, changes={"domain": [None, row.domain]})
    return row


@unit_of_work
def remove_domain(*, by: User, domain: ConnectionDomain) -> None:
    """Addresses of the domain are no longer trusted. Raises MayNotGrant as for opening the connection."""
    connection = locked(domain.connection)
    if connection.is_open:
        check_may_open(by)
    record_audit(action="sso.remove_domain", object_type=OBJECT, object_id=connection.public_id, changes={"domain": [domain.domain, None]})
    domain.delete()


def record_of(domain: ConnectionDomain) -> str:
    """The TXT record that proves the domain."""
    return f"atende-domain={domain.proof}"


def _plain(domain: str) -> str:
    """The domain in the form in which addresses are compared. Raises ValidationProblem."""
    text = domain.strip().rstrip(".").lower()
    try:
        text = text.encode("idna").decode() if text and not text.isascii() else text
    except UnicodeError:
        text = ""
    base = settings.ATENDE_BASE_HOST.lower()
    if not _DOMAIN.fullmatch(text) or text == base or text.endswith(f".{base}"):
        raise ValidationProblem([FieldError("/domain", "invalid", _("Enter a domain such as example.com"))])
    return text

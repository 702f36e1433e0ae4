"""A browser's way to the provider and back: begun in a session, good once, for ten minutes."""

import dataclasses
import datetime
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.conf import settings
from kernel import crypto, limits, tenancy
from kernel.actors import current_origin
from kernel.clock import now
from kernel.crypto import SealBroken
from kernel.problems import NotFound, TooManyRequests
from kernel.refusals import NOBODY
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.selectors import has_permission
from tenant_apps.sso.errors import SignInRefused
from tenant_apps.sso.models import ATTEMPT_LIFETIME, Attempt, Connection, ConnectionState
from tenant_apps.sso.registry import PROTOCOLS, Provider, ProviderFailed
from tenant_apps.sso.selectors import MANAGE, OBJECT, REFUSED
from tenant_apps.sso.services.connections import locked, secret_of
from tenant_apps.sso.services.identities import preview, sign_in

PER_ADDRESS: Final = "30/minute"
PER_TENANT: Final = "300/minute"
REFUSALS_KEPT: Final = "60/minute"
_KEPT: Final = datetime.timedelta(hours=1)
_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """How it ended: `user` signs in, or for a test nobody does."""

    connection: Connection
    target: str
    user: User | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Claimed:
    attempt: Attempt
    connection: Connection
    remembered: dict[str, str]


def count_try(what: str) -> None:
    """Raises TooManyRequests by network address and by tenant."""
    limits.take(PER_ADDRESS, f"sso-{what}", "address", current_origin().ip)
    limits.take(PER_TENANT, f"sso-{what}", "tenant")


def address_for_test(*, by: User, connection: Connection) -> str:
    """The address to open in a browser where somebody who manages sign-in is signed in; it works for ten minutes."""
    _note_test(by=by, connection=connection)
    until = int((now() + ATTEMPT_LIFETIME).timestamp())
    body = json.dumps({"configuration": connection.configuration, "until": until})
    ticket = crypto.seal(body.encode(), context=_ticket_context(connection))
    return f"{_base()}/sso/{connection.public_id}/start?test={ticket}"


def is_test_ticket(connection: Connection, ticket: str) -> bool:
    """Whether `address_for_test` gave this ticket for the connection as it still is."""
    try:
        body = json.loads(crypto.unseal(ticket, context=_ticket_context(connection)))
    except (SealBroken, UnicodeError):
        return False
    return bool(body["until"] > now().timestamp() and body["configuration"] == connection.configuration)


def depart(*, connection: Connection, binding: str, target: str, is_test: bool) -> str:
    """The provider's address for this browser. Raises SignInRefused; talks to the provider, so it is nothing for a transaction."""
    state = secrets.token_urlsafe(32)
    try:
        departure = PROTOCOLS.get(connection.protocol)().depart(_provider(connection), state)
    except ProviderFailed as failure:
        _refused(connection, failure.cause, is_test=is_test)
        raise SignInRefused(failure.cause) from failure
    sealed = crypto.seal(json.dumps({**departure.remembered, "target": target}).encode(), context=_attempt_context(state))
    _keep(connection=connection, state=state, binding=binding, sealed=sealed, is_test=is_test)
    return departure.address


def arrive(*, answer: Mapping[str, str], binding: str, by: User | None) -> Arrival:
    """What becomes of a browser that comes back with `answer`. `by` is who is signed in already, for tests.

    Raises SignInRefused, for whatever cause in the same words. Talks to the provider, so it is nothing for a transaction.
    """
    claimed = _claim(state=answer.get("state", ""), binding=binding)
    if claimed is None:
        _refused(None, "state-unknown", is_test=False)
        raise SignInRefused("state-unknown")
    attempt, connection = claimed.attempt, claimed.connection
    try:
        return _arrived(claimed, answer, by)
    except ProviderFailed as failure:
        _refused(connection, failure.cause, is_test=attempt.is_test)
        raise SignInRefused(failure.cause) from failure
    except SignInRefused as refusal:
        _refused(connection, refusal.cause, is_test=attempt.is_test)
        raise


def return_address() -> str:
    """The one address to which every provider sends browsers back: the tenant's own host as we know it, whatever the request says."""
    return f"{_base()}/sso/callback"


def own_address(path: str, host: str) -> str:
    """The same page on the host that providers know, for a browser that is on another one; empty where it is there already."""
    return "" if host.partition(":")[0].lower() == tenancy.current_tenant().host else f"{_base()}{path}"


def _arrived(claimed: _Claimed, answer: Mapping[str, str], by: User | None) -> Arrival:
    attempt, connection, remembered = claimed.attempt, claimed.connection, claimed.remembered
    if attempt.is_test and (by is None or not has_permission(by, MANAGE)):
        raise SignInRefused("test-not-allowed")
    if attempt.configuration != connection.configuration or not (attempt.is_test or connection.is_open):
        raise SignInRefused("connection-changed")
    claims = PROTOCOLS.get(connection.protocol)().arrive(_provider(connection), answer, remembered)
    if attempt.is_test:
        _pass_test(connection=connection, configuration=attempt.configuration, claims=claims)
        return Arrival(connection, remembered["target"], None)
    return Arrival(connection, remembered["target"], sign_in(connection=connection, claims=claims))


@unit_of_work
def _keep(*, connection: Connection, state: str, binding: str, sealed: str, is_test: bool) -> None:
    """Also forgets attempts that are long over."""
    Attempt.objects.filter(created_at__lt=now() - _KEPT).delete()
    Attempt.objects.create(
        state_digest=crypto.digest(state),
        session_digest=crypto.digest(binding),
        connection=connection,
        configuration=connection.configuration,
        is_test=is_test,
        sealed=sealed,
    )


@unit_of_work
def _claim(*, state: str, binding: str) -> _Claimed | None:
    """Uses the attempt up, before anything is asked of the provider; None for one of another browser, used, old, or nobody's."""
    attempt = Attempt.objects.select_for_update(of=("self",)).filter(state_digest=crypto.digest(state)).select_related("connection").first()
    if attempt is None or not binding or not crypto.same(attempt.session_digest, crypto.digest(binding)) or not attempt.is_usable(now()):
        return None
    attempt.used_at = now()
    attempt.save(update_fields=["used_at"])
    remembered = json.loads(crypto.unseal(attempt.sealed, context=_attempt_context(state)))
    return _Claimed(attempt, attempt.connection, remembered)


@unit_of_work
def _note_test(*, by: User, connection: Connection) -> None:
    changes = {"by": [None, str(by.public_id)]}
    record_audit(action="sso.start_test", object_type=OBJECT, object_id=connection.public_id, changes=changes)


@unit_of_work
def _pass_test(*, connection: Connection, configuration: int, claims: dict[str, Any]) -> None:  # Any: JSON
    row = locked(connection)
    if row.configuration != configuration:
        raise SignInRefused("connection-changed")
    row.last_test = {"is_passed": True, "at": now().isoformat(), **preview(connection=row, claims=claims)}
    former = row.state
    if row.state == ConnectionState.DRAFT:
        row.state = ConnectionState.TESTED
    row.version += 1
    row.save()
    record_audit(action="sso.pass_test", object_type=OBJECT, object_id=row.public_id, changes={"state": [former, row.state]})


def _refused(connection: Connection | None, cause: str, *, is_test: bool) -> None:
    """Whoever is refused for ever must not fill the trail: an entry for each, but no more than sixty a minute."""
    _log.info("sso.refused", connection=str(connection.public_id) if connection else "", cause=cause)
    try:
        limits.take(REFUSALS_KEPT, "sso-refusals")
    except TooManyRequests:
        return
    _record_refusal(connection=connection, cause=cause, is_test=is_test)


@unit_of_work
def _record_refusal(*, connection: Connection | None, cause: str, is_test: bool) -> None:
    if connection is not None and is_test:
        test = {"is_passed": False, "at": now().isoformat(), "cause": cause}
        Connection.objects.filter(pk=connection.pk).update(last_test=test)
    changes = {"cause": [None, cause], "reference": [None, current_origin().request_id], "test": [None, is_test]}
    found = connection.public_id if connection else NOBODY
    record_audit(action=REFUSED, object_type=OBJECT, object_id=found, changes=changes, outcome="refused")


def _provider(connection: Connection) -> Provider:
    if PROTOCOLS.find(connection.protocol) is None:
        raise NotFound
    return Provider(
        issuer=connection.issuer, client_id=connection.client_id, client_secret=secret_of(connection), return_address=return_address()
    )


def _base() -> str:
    port = f":{settings.ATENDE_PUBLIC_PORT}" if settings.ATENDE_PUBLIC_PORT else ""
    return f"{settings.ATENDE_PUBLIC_SCHEME}://{tenancy.current_tenant().host}{port}"


def _ticket_context(connection: Connection) -> str:
    return f"sso-test:{tenancy.current_tenant().id}:{connection.public_id}"


def _attempt_context(state: str) -> str:
    return f"sso-attempt:{tenancy.current_tenant().id}:{crypto.digest(state)}"

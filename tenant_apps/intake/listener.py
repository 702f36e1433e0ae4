"""The mail edge: which recipients exist, and 250 only after every recipient's event is committed."""

import asyncio
import dataclasses
import functools
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import DatabaseError, close_old_connections
from kernel import tenancy
from kernel.problems import ReadOnly, TenantOutdated
from kernel.tenancy import NoTenantContext, TenantRef, UnknownTenant
from shared_apps.tenants import selectors as tenants

from tenant_apps.connectors.mail import address as mail_address
from tenant_apps.connectors.smtp_server import MAX_RECIPIENTS
from tenant_apps.intake import services
from tenant_apps.intake.errors import InboxGone
from tenant_apps.intake.services.accepting import mail_dedup_key

THREADS: Final = 8
_TRY_LATER: Final = "451 4.3.0 Temporary trouble here, please try again"
_ACCEPTED: Final = "250 2.0.0 Stored"
_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """Where one envelope recipient leads."""

    address: str
    tenant: TenantRef
    inbox_id: uuid.UUID


class MailHandler:
    """aiosmtpd's hooks. All database work happens in threads, each piece in one synchronous function that enters its scope itself."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mail")

    def close(self) -> None:
        """Waits until every started store has ended."""
        self._threads.shutdown(wait=True)

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802 (aiosmtpd's name)
        """Accepts addresses that lead to an inbox."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients, send the rest in another mail"
        try:
            target = await self._in_thread(resolve_recipient, address)
        except DatabaseError:
            _log.warning("mail.recipient_unresolved")
            return _TRY_LATER
        if target is None:
            return "550 5.1.1 No mailbox here by that name"
        if address not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Stores the mail for each recipient. If one cannot be stored the sender is asked to try again; the others are not stored
        twice then, because their dedup key is known."""
        raw = envelope.original_content or b""
        peer = str(session.peer[0]) if isinstance(session.peer, tuple) else ""
        origin = {"mail_from": _null_or_address(envelope.mail_from), "peer": peer, "helo": str(session.host_name or "")[:255]}
        try:
            for address in envelope.rcpt_tos:
                await self._in_thread(store_mail, address, raw, origin)
        except (DatabaseError, InboxGone, UnknownTenant, NoTenantContext, ReadOnly, TenantOutdated) as error:
            _log.warning("mail.not_stored", error=type(error).__name__, size=len(raw))
            return _TRY_LATER
        _log.info("mail.stored", recipients=len(envelope.rcpt_tos), size=len(raw))
        return _ACCEPTED

    async def handle_VRFY(self, *_arguments: object) -> str:  # noqa: N802 (aiosmtpd's name)
        """Tells nobody who exists."""
        return "252 2.1.5 Send the mail and see"

    async def handle_exception(self, error: Exception) -> str:
        """The edge for everything unexpected: logged by its kind, and the sender keeps the mail."""
        _log.error("mail.failed", error=type(error).__name__)
        return _TRY_LATER

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:  # Any: the function's own arguments
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, functools.partial(_with_own_connection, function, *arguments)
        )


def resolve_recipient(address: str) -> Target | None:
    """The inbox behind an envelope recipient, with or without a plus part; None where there is none."""
    email = mail_address.normalise(address)
    if not email:
        return None
    route = tenants.channel_route("email", email)
    if route is None:
        route = tenants.channel_route("email", mail_address.split_plus(email)[0])
    if route is None or not route.is_active:
        return None
    return Target(address=email, tenant=route.tenant, inbox_id=route.inbox_id)


def store_mail(address: str, raw: bytes, origin: dict[str, str]) -> None:
    """Commits one recipient's event. Raises DatabaseError, InboxGone, TenantOutdated; UnknownTenant where the route vanished meanwhile."""
    target = resolve_recipient(address)
    if target is None:
        raise UnknownTenant("The recipient's route is gone")
    if target.tenant.is_outdated:
        raise TenantOutdated
    with tenancy.tenant_scope(target.tenant):
        services.accept_inbound(
            inbox_id=target.inbox_id,
            connector="email",
            dedup_key=mail_dedup_key(raw, target.address),
            raw=raw,
            headers={},
            envelope={**origin, "rcpt_to": target.address},
        )


def _with_own_connection(function: Callable[..., T], *arguments: Any) -> T:  # Any: the function's own arguments
    close_old_connections()
    try:
        return function(*arguments)
    finally:
        close_old_connections()


def _null_or_address(mail_from: str | None) -> str:
    return "" if mail_from in {None, "", "<>"} else mail_address.normalise(mail_from or "") or "invalid"

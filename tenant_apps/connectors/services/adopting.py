"""Inboxes of a tenant that was copied from elsewhere: every one gets an address that is its own, or says what is missing."""

import secrets

from django.utils.translation import gettext as _
from kernel.uow import record_audit
from shared_apps.tenants.registry import Adoption, RouteWish

from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.services.inboxes import ROUTE_KEY_BYTES


def adopt_inboxes(*, host: str, adoption: Adoption) -> list[RouteWish]:
    """Gives inboxes of a copy their addresses, and returns the routes they need; in the caller's unit of work.

    A hook always gets a new key. A mail address stays where it is free and not on the former host; otherwise it becomes the same
    mailbox on the tenant's own host, so that no mail goes out in another organization's name.
    """
    wishes, used = [], set(Inbox.objects.filter(connector="email").values_list("address", flat=True))
    for inbox in Inbox.objects.order_by("id"):
        former = inbox.address
        if inbox.connector != "email":
            inbox.address = secrets.token_urlsafe(ROUTE_KEY_BYTES)
            if (inbox.connector, former) not in adoption.has_secret:
                inbox.last_error = _("This hook has a new address and needs a new secret")
        elif not _may_keep(former, host, adoption):
            inbox.address = _own_address(former, host, used)
            used.add(inbox.address)
            if not former.endswith(f"@{adoption.former_host}"):
                inbox.last_error = (_("The address %(address)s leads elsewhere; this inbox has another one now") % {"address": former})[
                    :300
                ]
        if inbox.address != former:
            record_audit(action="inbox.adopt", object_type="inbox", object_id=inbox.public_id, changes={"address": [former, inbox.address]})
        inbox.save(update_fields=["address", "last_error", "updated_at"])
        if (inbox.connector, former) in adoption.routed:
            wishes.append(RouteWish(inbox.connector, inbox.address, inbox.public_id, former))
    return wishes


def _may_keep(address: str, host: str, adoption: Adoption) -> bool:
    """Whether a mail address can stay the inbox's own."""
    if adoption.is_clone or ("email", address) in adoption.taken:
        return False
    is_on_former_host = address.endswith(f"@{adoption.former_host}")
    return not is_on_former_host or adoption.former_host == host


def _own_address(former: str, host: str, used: set[str]) -> str:
    """The same mailbox on the tenant's host, with a number where that is another inbox already."""
    mailbox = former.split("@", maxsplit=1)[0][:40]
    tried = [f"{mailbox}@{host}", *(f"{mailbox}-{number}@{host}" for number in range(2, 1000))]
    return next(address for address in tried if address not in used)

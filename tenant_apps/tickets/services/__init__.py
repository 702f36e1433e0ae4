"""What can be done with tickets."""

from tenant_apps.tickets.services.changing import TicketChanges, reopen_ticket, solve_ticket, update_ticket
from tenant_apps.tickets.services.creating import create_ticket
from tenant_apps.tickets.services.exporting import note_export
from tenant_apps.tickets.services.incoming import route_incoming
from tenant_apps.tickets.services.sharing import share_ticket, unshare_ticket

__all__ = [
    "TicketChanges",
    "create_ticket",
    "note_export",
    "reopen_ticket",
    "route_incoming",
    "share_ticket",
    "solve_ticket",
    "unshare_ticket",
    "update_ticket",
]

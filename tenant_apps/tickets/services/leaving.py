"""A member leaves: their open tickets go to somebody else."""

from kernel.uow import unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.tickets.models import StatusCategory, Ticket
from tenant_apps.tickets.services.changing import TicketChanges, update_ticket


@unit_of_work
def hand_on_open_tickets(leaver: User, successor: User | None) -> int:
    """Assigns every ticket of the leaver that is not closed to the successor, or to nobody. Returns how many."""
    rows = Ticket.objects.filter(assignee=leaver).exclude(category=StatusCategory.CLOSED).order_by("id")
    for ticket in rows:
        update_ticket(ticket=ticket, changes=TicketChanges(assignee=successor))
    return len(rows)

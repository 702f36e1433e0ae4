"""Tickets, their statuses and tags."""

from tenant_apps.tickets.models.share import TicketUserObjectPermission
from tenant_apps.tickets.models.status import Status, StatusCategory
from tenant_apps.tickets.models.ticket import Priority, Tag, Ticket, TicketConversation, TicketNumber

__all__ = ["Priority", "Status", "StatusCategory", "Tag", "Ticket", "TicketConversation", "TicketNumber", "TicketUserObjectPermission"]

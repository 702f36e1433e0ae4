"""Exceptional shares of single tickets."""

from django.db import models
from guardian.models import UserObjectPermissionBase


class TicketUserObjectPermission(UserObjectPermissionBase):
    """guardian's row with a direct foreign key: this user may see the ticket (`view_ticket`), or change and answer it as well (`change_ticket`)."""

    content_object = models.ForeignKey("tickets.Ticket", on_delete=models.CASCADE, related_name="user_shares")

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False

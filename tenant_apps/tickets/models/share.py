"""Exceptional shares of single tickets."""

from django.db import models
from guardian.models import UserObjectPermissionBase


class TicketUserObjectPermission(UserObjectPermissionBase):
    """guardian's row with a direct foreign key: `view_ticket` lets this user see the ticket, `change_ticket` change and answer it too."""

    content_object = models.ForeignKey("tickets.Ticket", on_delete=models.CASCADE, related_name="user_shares")

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False

"""Read marks while a ticket stays open."""

import uuid

from django.http import HttpRequest, HttpResponse
from ui.pages import Page

from tenant_apps.messaging import services as messaging
from tenant_apps.workspace.pages.shell import member
from tenant_apps.workspace.pages.ticket import found
from tenant_apps.workspace.presenters.ticket import current_conversation


class MarkRead(Page):
    """A message arrived while its ticket was open in front of someone."""

    permission = "messaging.message.read"

    def post(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        user = member(request)
        conversation = current_conversation(user, found(user, ticket_id))
        if conversation is not None:
            messaging.mark_read(conversation=conversation, user=user)
        return HttpResponse(status=204)

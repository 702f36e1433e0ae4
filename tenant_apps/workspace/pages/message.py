"""Replies, notes, another try for a failed reply, files."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel.problems import NotFound, Problem
from ui.errors import sentence
from ui.pages import Page, is_fragment

from tenant_apps.messaging import selectors as messages
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent
from tenant_apps.tickets.selectors import conversation_ids_of
from tenant_apps.workspace.pages.shell import member
from tenant_apps.workspace.pages.ticket import found
from tenant_apps.workspace.presenters.ticket import current_conversation

_REFUSED_IN_PLACE = {409, 422}


class Messages(Page):
    """Takes a reply or a note. A script gets 204: the event stream alone writes the log."""

    permission = messages.READ

    def post(self, request: HttpRequest, ticket_id: uuid.UUID) -> HttpResponse:
        user = member(request)
        ticket = found(user, ticket_id)
        conversation = current_conversation(user, ticket)
        if conversation is None:
            raise NotFound
        is_note = request.POST.get("kind") == "note"
        messages.require_on_conversation(user, messages.NOTE if is_note else messages.SEND, conversation)
        write = messaging.add_note if is_note else messaging.send_reply
        try:
            write(
                conversation=conversation,
                author=user,
                body_text=request.POST.get("body_text", ""),
                attachments=_files(request),
                client_token=request.POST.get("client_token", "")[:64],
            )
        except Problem as problem:
            if not is_fragment(request) or problem.status not in _REFUSED_IN_PLACE:
                raise
            return render(request, "workspace/inbox/composer_error.html", {"text": sentence(problem)}, status=problem.status)
        messaging.mark_read(conversation=conversation, user=user)
        return HttpResponse(status=204) if is_fragment(request) else redirect(f"/inbox/{ticket.public_id}/")


class Retry(Page):
    """Queues a failed reply again; the stream then shows its new state."""

    permission = messages.SEND

    def post(self, request: HttpRequest, ticket_id: uuid.UUID, message_id: uuid.UUID) -> HttpResponse:
        user = member(request)
        ticket = found(user, ticket_id)
        conversations = conversation_ids_of(ticket)
        rows = messages.messages_visible_to(user).filter(public_id=message_id, conversation_id__in=conversations)
        message = rows.select_related("conversation").first()
        if message is None:
            raise NotFound
        messages.require_on_conversation(user, messages.SEND, message.conversation)
        messaging.retry_delivery(message=message)
        return HttpResponse(status=204) if is_fragment(request) else redirect(f"/inbox/{ticket.public_id}/")


class FileLink(Page):
    """Leads to a file by a link signed now: a thread may stay open longer than a signed link lives."""

    permission = messages.READ

    def get(self, request: HttpRequest, attachment_id: uuid.UUID) -> HttpResponse:
        attachment = messages.attachments_visible_to(member(request)).filter(public_id=attachment_id).first()
        if attachment is None:
            raise NotFound
        return redirect(messaging.sign_attachment(attachment.public_id))


def _files(request: HttpRequest) -> list[FileContent]:
    return [
        FileContent(filename=file.name or "file", content_type=file.content_type or "", content=file.read())
        for file in request.FILES.getlist("files")
    ]

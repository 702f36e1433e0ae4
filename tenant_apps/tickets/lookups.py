"""Turns the ids of a validated request into objects; an id that names nothing visible is a field error."""

import datetime
import uuid
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts import services as contacts
from tenant_apps.contacts.models import Contact
from tenant_apps.contacts.selectors import contacts_visible_to
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import IncomingMessage
from tenant_apps.organization import selectors as organization
from tenant_apps.tickets import services
from tenant_apps.tickets.models import Priority, Status, Ticket
from tenant_apps.tickets.reach import WRITE, require_on_ticket
from tenant_apps.tickets.services import TicketChanges
from tenant_apps.tickets.services.changing import UNCHANGED
from tenant_apps.tickets.services.incoming import add_message

M = TypeVar("M", bound=Model)


def changes_from(body: dict[str, Any]) -> TicketChanges:  # Any: validated values
    """The changes of a request body. Raises ValidationProblem for ids and keys that name nothing."""
    return TicketChanges(
        subject=body.get("subject", UNCHANGED),
        status=_need(Status.objects.all(), "key", body["status"], "/status") if "status" in body else UNCHANGED,
        priority=body.get("priority", UNCHANGED),
        assignee=_find(organization.agents(), "public_id", body["assignee_id"], "/assignee_id") if "assignee_id" in body else UNCHANGED,
        team=_find(organization.teams(), "public_id", body["team_id"], "/team_id") if "team_id" in body else UNCHANGED,
        add_tags=tuple(body.get("add_tags", ())),
        remove_tags=tuple(body.get("remove_tags", ())),
    )


@unit_of_work
def new_ticket_from(body: dict[str, Any], *, by: User) -> Ticket:  # Any: validated values
    """Creates the ticket a request body describes, with its conversation; everything or nothing.

    Raises NotAllowed where the ticket would stand outside of what `by` may write.
    """
    team = _find(organization.teams(), "public_id", body.get("team_id"), "/team_id")
    assignee = _find(organization.agents(), "public_id", body.get("assignee_id"), "/assignee_id")
    inbox = _inbox(body.get("inbox_id"))
    requester = _requester(body, by)
    conversation = messaging.start_conversation(inbox=inbox, contact=requester, subject=body["subject"])
    ticket = services.create_ticket(
        subject=body["subject"],
        requester=requester,
        conversation=conversation,
        priority=body.get("priority", Priority.NORMAL),
        assignee=assignee,
        team=team or inbox.default_team,
        tags=body.get("tags", []),
    )
    if body.get("message"):
        moment: datetime.datetime = now()
        incoming = IncomingMessage(body_text=body["message"], subject=body["subject"], occurred_at=moment)
        add_message(ticket, messaging.receive_message(conversation=conversation, contact=requester, incoming=incoming))
    require_on_ticket(by, WRITE, ticket)
    return ticket


def _requester(body: dict[str, Any], by: User) -> Contact:  # Any: validated values
    if "requester_email" in body:
        return contacts.contact_for_email(email=body["requester_email"], name=body.get("requester_name", ""))
    found = _find(contacts_visible_to(by), "public_id", body["requester_id"], "/requester_id")
    if found is None:
        raise ValidationProblem([FieldError("/requester_id", "required", _("Name a requester"))])
    return found


def _inbox(public_id: uuid.UUID | None) -> Inbox:
    if public_id is not None:
        found = _find(Inbox.objects.select_related("default_team"), "public_id", public_id, "/inbox_id")
    else:
        found = Inbox.objects.select_related("default_team").filter(connector="email").order_by("id").first()
    if found is None:
        raise ValidationProblem([FieldError("/inbox_id", "required", _("The tenant has no mail inbox; name an inbox"))])
    return found


def _need(rows: "QuerySet[M]", column: str, value: object, pointer: str) -> M:
    found = _find(rows, column, value, pointer)
    if found is None:
        raise ValidationProblem([FieldError(pointer, "required", _("Name one"))])
    return found


def _find(rows: "QuerySet[M]", column: str, value: object, pointer: str) -> M | None:
    if value is None:
        return None
    found = rows.filter(**{column: value}).first()
    if found is None:
        raise ValidationProblem([FieldError(pointer, "unknown", _("There is nothing with this id"))])
    return found

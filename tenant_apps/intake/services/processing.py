"""Making messages of inbound events: claim, read, store. A worker may die at any point and nothing happens twice."""

import datetime
from typing import Final

from django.db.models import Q
from kernel import tenancy
from kernel.actors import Actor, acting_as
from kernel.clock import now
from kernel.metrics import INBOUND_EVENTS
from kernel.problems import Problem
from kernel.timers import expect
from kernel.uow import record, unit_of_work

from tenant_apps.connectors import services as connectors
from tenant_apps.connectors.mail.address import split_plus
from tenant_apps.connectors.models import Inbox
from tenant_apps.connectors.registry import Incoming, PayloadRefused
from tenant_apps.connectors.selectors import own_mail_addresses
from tenant_apps.contacts import services as contacts
from tenant_apps.contacts.models import Contact
from tenant_apps.intake.events import InboundParked
from tenant_apps.intake.models import InboundEvent, InboundState
from tenant_apps.intake.services.matching import match_conversation, message_reported_on
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent, IncomingMessage
from tenant_apps.messaging.models import Message
from tenant_apps.messaging.services.sending import fail_bounced
from tenant_apps.tickets import services as tickets

LEASE: Final = datetime.timedelta(seconds=30)
MAX_FAILURES: Final = 5
MAX_DEATHS: Final = 12  # a mail that kills its worker each time raises no error; its expired leases tell
BACK_OFF_SECONDS: Final = (1, 3, 8, 15)


def process_inbound(*, inbound_id: int) -> InboundEvent | None:
    """Takes one event to its end: done, ignored or parked. Returns None where another worker has it or nothing is due.

    The message, the ticket and the event's own state are one commit, guarded by the claim's number: a worker whose lease ran
    out writes nothing. Unexpected errors go to the caller, who notes them with `note_failure`.
    """
    event = _claim(inbound_id=inbound_id)
    if event is None or event.state == InboundState.PARKED:
        return event
    try:
        incoming = connectors.read_inbound(inbox=event.inbox, raw=bytes(event.raw), headers=event.headers, envelope=event.envelope)
    except PayloadRefused as refusal:
        return _park(event=event, code=refusal.code, detail=refusal.detail)
    except Problem as problem:
        return _park(event=event, code=problem.slug, detail=problem.detail)
    finished = _store(event=event, incoming=incoming)
    if finished is not None:
        connectors.note_inbox_error(inbox=event.inbox, error="")
    return finished


@unit_of_work
def note_failure(*, inbound_id: int, error: str) -> None:
    """Plans the next attempt after an unexpected error, or parks the event after the fifth. `error` names the kind, no content."""
    rows = InboundEvent.objects.select_for_update(of=("self",)).select_related("inbox").defer("raw")
    event = rows.filter(pk=inbound_id, state=InboundState.PROCESSING).first()
    if event is None:
        return
    event.failures += 1
    event.lease_until = None
    event.error_code, event.error_detail = "unexpected_error", error[:500]
    if event.failures >= MAX_FAILURES:
        _set_parked(event, "unexpected_error", error)
    else:
        event.state = InboundState.RECEIVED
        event.next_attempt_at = now() + datetime.timedelta(seconds=BACK_OFF_SECONDS[min(event.failures, len(BACK_OFF_SECONDS)) - 1])
        expect(event.next_attempt_at)
    event.save()


@unit_of_work
def _claim(*, inbound_id: int) -> InboundEvent | None:
    """Takes the event for half a minute, in a transaction of its own, so that a dying worker leaves a lease that runs out."""
    moment = now()
    is_due = Q(state=InboundState.RECEIVED, next_attempt_at__lte=moment) | Q(state=InboundState.PROCESSING, lease_until__lt=moment)
    rows = InboundEvent.objects.select_for_update(skip_locked=True, of=("self",)).select_related("inbox").defer("raw")
    event = rows.filter(is_due, pk=inbound_id).first()
    if event is None or event.inbox.is_paused:
        return None
    event.attempts += 1
    event.failures += event.state == InboundState.PROCESSING
    if event.failures >= MAX_DEATHS:
        _set_parked(event, "worker_died", "Processing was begun again and again and never ended")
    else:
        event.state, event.lease_until = InboundState.PROCESSING, moment + LEASE
    event.save()
    return event


@unit_of_work
def _store(*, event: InboundEvent, incoming: Incoming) -> InboundEvent | None:
    """Writes message, ticket and end state together. Returns None where the claim is no longer ours."""
    current = _held(event)
    if current is None:
        return None
    current.external_id = incoming.external_id[:512]
    current.sender = (incoming.sender.email or incoming.sender.external_id)[:254]
    current.subject = incoming.subject[:250]
    if _is_own_mail(incoming, current.inbox):
        return _finish(current, InboundState.IGNORED, "own_mail", "The mail is one of ours that came back")
    contact = _contact(incoming, current.inbox)
    first = _earlier_copy(current, incoming)
    if first is not None:
        current.duplicate_of, current.message_id = first, first.message_id
        return _finish(current, InboundState.IGNORED, "duplicate", "The same mail was received before")
    with acting_as(Actor(kind="contact", id=contact.public_id, name=contact.name)):
        current.message = _receive(current, incoming, contact)
    return _finish(current, InboundState.DONE, "", "")


def _is_own_mail(incoming: Incoming, inbox: Inbox) -> bool:
    """The loop header of this tenant, or one of its inboxes as the author. Another tenant's header is another organization's mail."""
    if inbox.connector != "email":
        return False
    if incoming.loop_mark.startswith(f"{tenancy.current_tenant().id}."):
        return True
    return split_plus(incoming.sender.email)[0] in own_mail_addresses()


def _contact(incoming: Incoming, inbox: Inbox) -> Contact:
    """The sender as a contact, locked: two mails of one person are looked at one after the other."""
    person = incoming.sender
    if person.external_id:
        contact = contacts.contact_for_external(
            source=str(inbox.public_id), external_id=person.external_id, name=person.name, email=person.email or None
        )
    else:
        contact = contacts.contact_for_email(email=person.email, name=person.name)
    return Contact.objects.select_for_update().get(pk=contact.pk)


def _earlier_copy(event: InboundEvent, incoming: Incoming) -> InboundEvent | None:
    """An event of the same sender with the same id and the same words that already became a message: sent twice, or to two inboxes.

    The id alone proves nothing, since the sender chooses it: other words under a known id are another message.
    """
    if not event.external_id:
        return None
    copies = InboundEvent.objects.filter(external_id=event.external_id, sender=event.sender, state=InboundState.DONE).exclude(pk=event.pk)
    said = _as_message(incoming, is_third_party=False)
    copies = copies.filter(message__body_text=said.body_text, message__subject=said.subject[:500])
    if event.connector != "email":
        copies = copies.filter(inbox=event.inbox)
    return copies.order_by("id").first()


def _receive(event: InboundEvent, incoming: Incoming, contact: Contact) -> Message:
    match = match_conversation(incoming=incoming, inbox=event.inbox, contact=contact)
    conversation = match.conversation or messaging.start_conversation(
        inbox=event.inbox, contact=contact, subject=incoming.subject, external_thread_id=incoming.thread_id
    )
    reported = message_reported_on(incoming)
    message = messaging.receive_message(
        conversation=conversation, contact=contact, incoming=_as_message(incoming, is_third_party=match.is_third_party)
    )
    if reported is not None and incoming.report is not None and incoming.report.is_final:
        fail_bounced(message=reported, reason=incoming.report.detail)
    tickets.route_incoming(message=message)
    return message


def _as_message(incoming: Incoming, *, is_third_party: bool) -> IncomingMessage:
    return IncomingMessage(
        body_text=incoming.text,
        body_html=incoming.html,
        quoted_text=incoming.quoted_text,
        blocked_images=incoming.blocked_images,
        subject=incoming.subject,
        external_id=incoming.external_id,
        in_reply_to=incoming.in_reply_to,
        references=list(incoming.references),
        kind=incoming.kind,
        is_third_party=is_third_party,
        occurred_at=incoming.occurred_at,
        attachments=[
            FileContent(
                filename=file.filename,
                content_type=file.content_type,
                content=file.content,
                content_id=file.content_id,
                is_inline=file.is_inline,
            )
            for file in incoming.files
        ],
    )


@unit_of_work
def _park(*, event: InboundEvent, code: str, detail: str) -> InboundEvent | None:
    current = _held(event)
    if current is None:
        return None
    _set_parked(current, code, detail)
    current.save()
    return current


def _set_parked(event: InboundEvent, code: str, detail: str) -> None:
    event.state, event.lease_until = InboundState.PARKED, None
    event.error_code, event.error_detail = code[:64], detail[:500]
    event.sender = event.sender or str(event.envelope.get("mail_from", ""))[:254]  # a hint for the admin where nothing could be read
    INBOUND_EVENTS.labels(event.connector, "parked").inc()
    record(InboundParked(aggregate_id=event.public_id, inbox_id=event.inbox.public_id, code=event.error_code))


def _finish(event: InboundEvent, state: InboundState, code: str, detail: str) -> InboundEvent:
    event.state, event.lease_until, event.error_code, event.error_detail = state, None, code, detail
    event.save()
    INBOUND_EVENTS.labels(event.connector, str(state)).inc()
    return event


def _held(event: InboundEvent) -> InboundEvent | None:
    """The row, locked, if the claim is still ours."""
    rows = InboundEvent.objects.select_for_update(of=("self",)).select_related("inbox__default_team").defer("raw")
    return rows.filter(pk=event.pk, state=InboundState.PROCESSING, attempts=event.attempts).first()

"""The reopen decision table: what a message from outside does to the ticket."""

import datetime

import pytest
from kernel.clock import now
from shared_apps.accounts.models import User
from shared_apps.events.models import Event

from tenant_apps.contacts import services as contacts
from tenant_apps.tickets import services
from tenant_apps.tickets.errors import TicketClosed
from tenant_apps.tickets.models import Status, Ticket
from tenant_apps.tickets.services import TicketChanges
from tenant_apps.tickets.services.changing import move_to
from tenant_apps.tickets.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]


def to_status(ticket: Ticket, key: str) -> Ticket:
    return services.update_ticket(ticket=ticket, changes=TicketChanges(status=Status.objects.get(key=key)))


def test_the_first_message_makes_a_new_ticket():
    message, ticket = factories.incoming(factories.conversation())

    assert (ticket.category, ticket.subject, ticket.requester) == ("new", "Brake rubs", message.author_contact)
    assert ticket.waiting_since is not None
    assert ticket.snippet == "It rubs since Saturday."


def test_numbers_go_up_by_one():
    first, second = factories.ticket(), factories.ticket()

    assert second.number == first.number + 1


@pytest.mark.parametrize(
    ("before", "after"), [("new", "new"), ("open", "open"), ("waiting-customer", "open"), ("waiting-other", "open"), ("solved", "open")]
)
def test_a_persons_message_moves_the_status(before, after):
    thread = factories.conversation()
    ticket = factories.incoming(thread)[1]
    if before != "new":
        to_status(ticket, before)

    same = factories.incoming(thread)[1]

    assert same.pk == ticket.pk
    assert same.status.key == after


def test_two_replies_on_a_solved_ticket_reopen_it_once():
    thread = factories.conversation()
    to_status(factories.incoming(thread)[1], "solved")

    factories.incoming(thread)
    ticket = factories.incoming(thread)[1]

    assert ticket.reopen_count == 1
    assert Event.objects.filter(type="ticket.reopened", aggregate_id=ticket.public_id).count() == 1


def test_a_message_long_after_the_solution_starts_a_follow_up():
    thread = factories.conversation()
    ana = User.objects.get(email="ana@acme.example")
    ticket = services.update_ticket(
        ticket=factories.incoming(thread)[1],
        changes=TicketChanges(assignee=ana, add_tags=("warranty",), status=Status.objects.get(key="solved")),
    )
    Ticket.objects.filter(pk=ticket.pk).update(solved_at=now() - datetime.timedelta(days=15))

    follow_up = factories.incoming(thread)[1]

    assert (follow_up.follow_up_of_id, follow_up.category, follow_up.assignee) == (ticket.pk, "new", None)
    assert list(follow_up.tags.values_list("name", flat=True)) == ["warranty"]
    assert Ticket.objects.get(pk=ticket.pk).category == "solved"


def test_a_message_to_a_closed_ticket_starts_a_follow_up():
    thread = factories.conversation()
    ticket = factories.incoming(thread)[1]
    to_status(ticket, "closed")

    assert factories.incoming(thread)[1].follow_up_of_id == ticket.pk


@pytest.mark.parametrize("kind", ["auto_reply", "bulk", "bounce_hard", "bounce_soft"])
def test_machine_mail_never_reopens(kind):
    thread = factories.conversation()
    to_status(factories.incoming(thread)[1], "solved")

    ticket = factories.incoming(thread, kind=kind)[1]

    assert (ticket.category, ticket.reopen_count, ticket.waiting_since) == ("solved", 0, None)


def test_a_bounce_alone_makes_no_ticket():
    assert factories.incoming(factories.conversation(), kind="bounce_hard")[1] is None


def test_a_third_party_never_reopens():
    thread = factories.conversation()
    to_status(factories.incoming(thread)[1], "solved")
    stranger = contacts.contact_for_email(email="eve@elsewhere.example")

    ticket = factories.incoming(thread, contact=stranger, is_third_party=True)[1]

    assert (ticket.category, ticket.reopen_count) == ("solved", 0)


def test_a_reopened_ticket_leaves_an_inactive_assignee():
    thread = factories.conversation()
    bea = User.objects.get(email="bea@acme.example")
    services.update_ticket(
        ticket=factories.incoming(thread)[1], changes=TicketChanges(assignee=bea, status=Status.objects.get(key="solved"))
    )
    User.objects.filter(pk=bea.pk).update(is_active=False)

    assert factories.incoming(thread)[1].assignee is None


def test_a_closed_ticket_refuses_every_move():
    ticket = to_status(factories.ticket(), "closed")

    with pytest.raises(TicketClosed):
        move_to(ticket, Status.objects.get(key="open"))

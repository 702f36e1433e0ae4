"""Changing tickets."""

import pytest
from kernel.problems import StaleVersion, ValidationProblem
from shared_apps.accounts.models import User
from shared_apps.events.log import last_seq
from shared_apps.events.models import Event

from tenant_apps.organization.models import Team
from tenant_apps.tickets import services
from tenant_apps.tickets.errors import TicketAlreadySolved, TicketClosed, TicketNotSolved, TransitionNotAllowed
from tenant_apps.tickets.models import Status, Ticket
from tenant_apps.tickets.services import TicketChanges
from tenant_apps.tickets.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]


def status(key: str) -> Status:
    return Status.objects.get(key=key)


def test_a_stale_version_changes_nothing():
    ticket = factories.ticket()
    seq = last_seq()

    with pytest.raises(StaleVersion) as raised:
        services.update_ticket(ticket=ticket, changes=TicketChanges(priority="high"), expected_version=ticket.version - 1)

    assert raised.value.members == {"version": ticket.version}
    assert (Ticket.objects.get(pk=ticket.pk).priority, last_seq()) == ("normal", seq)


def test_a_change_to_what_is_there_writes_nothing():
    ticket = factories.ticket()
    seq = last_seq()

    same = services.update_ticket(ticket=ticket, changes=TicketChanges(priority="normal"))

    assert (same.version, last_seq()) == (ticket.version, seq)


def test_an_update_names_old_and_new_values():
    ticket = factories.ticket()

    services.update_ticket(ticket=ticket, changes=TicketChanges(priority="urgent", add_tags=("VIP",)))

    event = Event.objects.filter(type="ticket.updated").order_by("-seq").first()
    assert event.data == {"changes": {"priority": ["normal", "urgent"], "tags": [[], ["vip"]]}}


def test_solving_and_reopening():
    ticket = services.solve_ticket(ticket=factories.ticket())
    assert (ticket.category, ticket.waiting_since) == ("solved", None)
    assert ticket.solved_at is not None

    with pytest.raises(TicketAlreadySolved):
        services.solve_ticket(ticket=ticket)
    reopened = services.reopen_ticket(ticket=ticket)
    assert (reopened.category, reopened.reopen_count, reopened.solved_at) == ("open", 1, None)
    with pytest.raises(TicketNotSolved):
        services.reopen_ticket(ticket=reopened)


def test_new_cannot_be_entered_again():
    ticket = services.update_ticket(ticket=factories.ticket(), changes=TicketChanges(status=status("open")))

    with pytest.raises(TransitionNotAllowed):
        services.update_ticket(ticket=ticket, changes=TicketChanges(status=status("new")))


def test_a_closed_ticket_is_frozen():
    ticket = services.update_ticket(ticket=factories.ticket(), changes=TicketChanges(status=status("closed")))

    with pytest.raises(TicketClosed):
        services.update_ticket(ticket=ticket, changes=TicketChanges(priority="low"))


def test_a_team_without_the_assignee_clears_them():
    ana, team = User.objects.get(email="ana@acme.example"), Team.objects.create(key="night", name="Night")
    ticket = services.update_ticket(ticket=factories.ticket(), changes=TicketChanges(assignee=ana))

    assert services.update_ticket(ticket=ticket, changes=TicketChanges(team=team)).assignee is None


@pytest.mark.parametrize("word", ["", " ", "a" * 41, "-dash", "semi;colon", "<b>"])
def test_a_word_that_cannot_be_a_tag_is_refused(word):
    ticket = factories.ticket()

    with pytest.raises(ValidationProblem):
        services.update_ticket(ticket=ticket, changes=TicketChanges(add_tags=(word,)))

    assert Ticket.objects.get(pk=ticket.pk).version == ticket.version

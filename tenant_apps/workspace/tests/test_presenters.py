"""Presenters: views, event lines, messages."""

import dataclasses
import datetime
import uuid

import pytest
from kernel.events import StoredEvent
from kernel.problems import NotFound

from tenant_apps.tickets.tests import factories
from tenant_apps.workspace.presenters.history import Names, event_lines
from tenant_apps.workspace.presenters.messages import message_view
from tenant_apps.workspace.presenters.rows import view_choice

ANA, RUI = "01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-8000-00000000000b"
NAMES = Names(people={ANA: "Ana", RUI: "Rui"}, teams={"t": "Billing"}, statuses={"open": "Open"})


def _event(kind: str, **data) -> StoredEvent:
    return StoredEvent(
        seq=7,
        id=uuid.UUID(int=1),
        type=kind,
        version=1,
        aggregate_type="ticket",
        aggregate_id=uuid.UUID(int=2),
        actor={"kind": "user", "id": ANA, "name": "Ana <Boss>"},
        cause={},
        occurred_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        request_id="",
        data=data,
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": ["new", "open"]}, "<b>Ana &lt;Boss&gt;</b> set the status to <b>Open</b>"),
        ({"assignee": [None, ANA]}, "<b>Ana &lt;Boss&gt;</b> took this ticket"),
        ({"assignee": [None, RUI]}, "<b>Ana &lt;Boss&gt;</b> assigned <b>Rui</b>"),
        ({"assignee": [ANA, None]}, "<b>Ana &lt;Boss&gt;</b> took the assignee off"),
        ({"assignee": [None, "gone"]}, "<b>Ana &lt;Boss&gt;</b> assigned <b>someone who has left</b>"),
        ({"team": [None, "t"]}, "<b>Ana &lt;Boss&gt;</b> moved this ticket to <b>Billing</b>"),
        ({"priority": ["low", "high"]}, "<b>Ana &lt;Boss&gt;</b> set the priority to <b>High</b>"),
        ({"subject": ["a", "<i>b</i>"]}, "<b>Ana &lt;Boss&gt;</b> changed the subject to <b>&lt;i&gt;b&lt;/i&gt;</b>"),
        ({"tags": [[], ["a", "b"]]}, "<b>Ana &lt;Boss&gt;</b> added the tags <b>a, b</b>"),
        ({"tags": [["c"], []]}, "<b>Ana &lt;Boss&gt;</b> removed the tag <b>c</b>"),
    ],
)
def test_a_change_is_told_in_words_and_escaped(changes, text):
    assert [str(line.text) for line in event_lines(_event("ticket.updated", changes=changes), NAMES)] == [text]


def test_what_messages_show_anyway_has_no_line():
    arrived = dataclasses.replace(
        _event("ticket.created", number=1, follow_up_of=None), actor={"kind": "contact", "id": None, "name": "Mia"}
    )
    events = [_event("ticket.touched", message_id="x"), _event("ticket.solved"), arrived]

    assert [line for event in events for line in event_lines(event, NAMES)] == []


def test_a_ticket_that_a_member_created_says_so():
    (line,) = event_lines(_event("ticket.created", number=1, follow_up_of=None), NAMES)

    assert str(line.text) == "<b>Ana &lt;Boss&gt;</b> created this ticket"


@pytest.mark.parametrize(
    ("view", "segment", "url", "search"),
    [
        ("my", "open", "/inbox/v/my/", ""),
        ("my", "waiting", "/inbox/v/my/?s=waiting", "?s=waiting"),
        ("unassigned", "nonsense", "/inbox/v/unassigned/", "?v=unassigned"),
        ("done", "open", "/inbox/v/done/", "?v=done"),
        ("team/billing", "done", "/inbox/v/team/billing/?s=done", "?v=team/billing&s=done"),
    ],
)
def test_a_view_has_one_address(view, segment, url, search):
    choice = view_choice(view, segment)

    assert (choice.url, choice.search) == (url, search)


@pytest.mark.parametrize("view", ["", "everything", "team/", "my/x"])
def test_a_view_that_does_not_exist_is_not_found(view):
    with pytest.raises(NotFound):
        view_choice(view, "open")


def test_markup_of_a_mail_is_fit_for_the_page(in_acme):
    thread = factories.conversation()
    message, _ = factories.incoming(thread, "Hello", body_html='<h1>Hi</h1><img src="/files/x">')

    view = message_view(message)

    assert view.body == '<h3>Hi</h3><img alt="" src="/files/x">'


def test_plain_text_is_escaped(in_acme):
    message, _ = factories.incoming(factories.conversation(), "<script>alert(1)</script>")

    assert "<script" not in message_view(message).body

"""Demonstration data: enough of it, the same each time, refused where it would be dangerous."""

import datetime
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from kernel import tenancy
from tenant_apps.messaging.models import Message
from tenant_apps.tickets.models import Ticket

from config.demo import loading, people
from config.demo.cast import ACME, CASTS, GLOBEX
from config.demo.scripts import scripts_of
from config.demo.stories import stories_of

NOW = datetime.datetime(2026, 11, 23, 15, 0, tzinfo=datetime.UTC)


def test_there_are_forty_scripts_in_two_languages_and_each_can_be_played():
    scripts = [script for cast in CASTS for script in scripts_of(cast.slug)]

    assert len({script.key for script in scripts}) >= 40
    assert {script.language for script in scripts} == {"en", "pt"}
    assert all(script.turns[0].speaker == "contact" and len(script.turns) >= 2 for script in scripts)


@pytest.mark.parametrize("cast", CASTS, ids=lambda cast: cast.slug)
def test_stories_are_the_same_each_time_and_never_in_the_future(cast):
    stories = stories_of(cast, now=NOW, count=cast.tickets)

    assert stories == stories_of(cast, now=NOW, count=cast.tickets)
    assert len(stories) == cast.tickets
    assert all(line.at <= NOW for story in stories for line in story.lines)
    assert all(list(story.lines) == sorted(story.lines, key=lambda line: line.at) for story in stories)
    assert min(story.created_at for story in stories) < NOW - datetime.timedelta(days=140)
    assert len(Counter(story.category for story in stories)) == 6
    assert not any("{" in line.text or "[[" in line.text for story in stories for line in story.lines)


def test_a_tenant_is_filled_once(fresh_database, acme):
    people.ensure_users(tenant=acme, users=[(agent.mailbox, agent.name, agent.role) for agent in ACME.agents], password="atende-demo")
    stories = stories_of(ACME, now=NOW, count=60)

    assert loading.load(tenant=acme, cast=ACME, stories=stories, advance=lambda _: None) == 60
    assert loading.load(tenant=acme, cast=ACME, stories=stories, advance=lambda _: None) == 0

    with tenancy.tenant_scope(acme):
        assert Ticket.objects.count() == 60
        assert Message.objects.count() == sum(len(story.lines) for story in stories)
        newest = Ticket.objects.order_by("-number").first()
        assert newest.number == 60
        assert newest.created_at == stories[-1].created_at


def test_the_other_tenant_gets_nothing_of_it(fresh_database, acme, globex):
    people.ensure_users(tenant=globex, users=[(agent.mailbox, agent.name, agent.role) for agent in GLOBEX.agents], password="atende-demo")

    loading.load(tenant=globex, cast=GLOBEX, stories=stories_of(GLOBEX, now=NOW, count=10), advance=lambda _: None)

    with tenancy.tenant_scope(acme):
        assert Ticket.objects.count() == 0


@pytest.mark.parametrize(("environment", "is_demo"), [("production", False), ("development", False)])
def test_it_is_refused_where_it_would_be_dangerous(settings, environment, is_demo):
    settings.ATENDE_ENV, settings.ATENDE_DEMO = environment, is_demo

    with pytest.raises(CommandError, match="well-known passwords"):
        call_command("seed_demo")

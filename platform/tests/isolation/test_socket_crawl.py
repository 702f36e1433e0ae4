"""The event stream as every role on every host: another tenant's mark never arrives."""

import json

import pytest
from kernel import tenancy
from shared_apps.events.log import last_seq
from tenant_apps.realtime import selectors as stream
from tenant_apps.realtime.tests.test_socket import Listener, inside, play
from tenant_apps.tickets.tests import factories

from tests.isolation import canaries


@pytest.fixture
def planted(fresh_database, acme, globex):
    """Two marked tenants, committed."""
    return [canaries.plant(tenant) for tenant in (acme, globex)]


async def heard(host, *, key="", session="", shown="", since=0, style="json", then=None):
    """All frames from the hello to the ticket that `then` makes, or the code the socket was closed with."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    if session:
        headers = {"origin": f"http://{host}", "cookie": f"atende_session={session}"}
    listener = Listener(host, **headers)
    await listener.connect()
    await listener.send_to(json.dumps({"type": "hello", "since": since, "format": style, **({"ticket": shown} if shown else {})}))
    texts, is_live = [], False
    while True:
        output = await listener.receive_output(timeout=8)
        if output["type"] == "websocket.close":
            return output["code"], texts
        texts.append(output["text"])
        kind = json.loads(output["text"])["type"]
        if kind == "ready" and then is None:
            break
        if kind == "ready":
            await then()
            is_live = True
        elif is_live and kind == "ticket.created":
            break
    await listener.disconnect()
    return 1000, texts


def every_stream(here, other):
    """Role, and how it connects to `here`'s host."""
    for role, key in here.keys.items():
        yield role, {"key": key}
        yield role, {"session": here.sessions[role]}
    yield "anonymous", {}
    yield "stranger", {"key": other.keys["admin"]}
    yield "stranger", {"session": other.sessions["admin"]}


async def listen_as_everybody(here, other):
    """What was wrong, how many streams were heard, and how often one's own mark was seen."""
    findings, streams, own = [], 0, 0
    seq = int(here.ids["seq"])
    for role, credentials in every_stream(here, other):
        for style in ("json", "html"):
            for shown in ("", here.ids["ticket_id"], other.ids["ticket_id"]):
                code, texts = await heard(here.tenant.host, **credentials, shown=shown, since=seq, style=style)
                streams += 1
                own += sum(here.mark in text for text in texts)
                may_listen = role in here.keys
                if may_listen != (code == 1000):
                    findings.append(f"{role} is answered {code}")
                if any(other.mark in text for text in texts) or (texts and not may_listen):
                    findings.append(f"{role} hears {other.tenant.slug} ({style})")
    return findings, streams, own


def test_no_stream_carries_another_tenants_mark(planted, counted):
    async def scenario():
        here, other = planted
        findings, streams, own = await listen_as_everybody(here, other)
        counted("socket crawl", streams=streams, own_marks_seen=own, findings=len(findings))
        assert findings == []
        assert own > 0

    play(scenario)


def test_what_another_tenant_does_now_is_not_heard(planted):
    """While somebody listens, both tenants get a message; only one's own arrives."""

    async def scenario():
        here, other = planted

        async def both():
            await inside(other.tenant, lambda: factories.ticket(subject=f"Live {other.mark}"))
            await inside(here.tenant, lambda: factories.ticket(subject=f"Live {here.mark}"))

        seq = await inside(here.tenant, last_seq)
        code, texts = await heard(here.tenant.host, key=here.keys["agent"], since=seq, style="html", then=both)
        assert code == 1000
        assert any(here.mark in text for text in texts)
        assert not any(other.mark in text for text in texts)

    play(scenario)


def test_a_feed_that_reads_another_tenants_log_is_found(planted, monkeypatch):
    here, other = planted
    real = stream.read_log

    def leaking(*args, **options):
        with tenancy.tenant_scope(other.tenant):
            return real(*args, **options)

    monkeypatch.setattr(stream, "read_log", leaking)

    async def scenario():
        findings, _, _ = await listen_as_everybody(here, other)
        assert f"agent hears {other.tenant.slug} (json)" in findings

    play(scenario)

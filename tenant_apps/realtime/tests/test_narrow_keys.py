"""Sockets of API keys: the key's limits hold at connect, for every event, and when the key ends."""

import datetime

import pytest
from kernel.clock import now
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.events.log import last_seq

from tenant_apps.realtime import tickets
from tenant_apps.realtime.tests.test_socket import Listener, inside, play
from tenant_apps.tickets.tests import factories


def key_with(**limits):
    ana = User.objects.get(email="ana@acme.example")
    return accounts.create_api_key(user=ana, name="socket", limits=accounts.KeyLimits(**limits))


@pytest.mark.parametrize("by", ["ticket", "bearer"])
def test_a_narrow_key_hears_what_its_scopes_let_through(fresh_database, acme, by):
    async def scenario():
        key, text = await inside(acme, lambda: key_with(scopes=["events.event:read", "contacts.contact:read"]))
        ticket = await inside(acme, lambda: tickets.issue(user_id=key.user_id, key_id=key.public_id))
        listener = Listener(acme.host, f"?ticket={ticket}") if by == "ticket" else Listener(acme.host, authorization=f"Bearer {text}")
        await listener.connect()
        start = await inside(acme, last_seq)
        await inside(acme, factories.ticket)
        frames = await listener.ready(start)

        assert {frame["type"] for frame in frames} == {"contact.created"}
        await listener.disconnect()

    play(scenario)


@pytest.mark.parametrize(
    "limits", [{"scopes": ["tickets.ticket:write"]}, {"allowed_networks": ["192.0.2.0/24"]}], ids=["no events", "other network"]
)
def test_a_key_that_may_not_listen_is_turned_away(fresh_database, acme, limits):
    async def scenario():
        _, text = await inside(acme, lambda: key_with(**limits))
        listener = Listener(acme.host, authorization=f"Bearer {text}")
        await listener.connect()

        assert (await listener.closed())[0] == 4001

    play(scenario)


def test_b25_a_socket_is_cut_when_its_key_has_ended(fresh_database, acme):
    async def scenario():
        key, text = await inside(acme, lambda: key_with(scopes=["events.event:read", "contacts.contact:read"]))
        listener = Listener(acme.host, authorization=f"Bearer {text}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))
        over = now() - datetime.timedelta(seconds=1)
        await inside(acme, lambda: ApiKey.objects.filter(pk=key.pk).update(expiry=over))

        assert (await listener.closed())[0] == 4001

    play(scenario)


def test_a_ticket_of_a_key_that_was_revoked_meanwhile_opens_nothing(fresh_database, acme):
    async def scenario():
        key, _ = await inside(acme, key_with)
        ticket = await inside(acme, lambda: tickets.issue(user_id=key.user_id, key_id=key.public_id))
        await inside(acme, lambda: accounts.revoke_api_key(key=key))
        listener = Listener(acme.host, f"?ticket={ticket}")
        await listener.connect()

        assert (await listener.closed())[0] == 4001

    play(scenario)

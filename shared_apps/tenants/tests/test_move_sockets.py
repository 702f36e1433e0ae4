"""An open socket goes on across a move: it misses no event, and hears nothing from the old schema."""

import asyncio

from asgiref.sync import sync_to_async
from django.db import connections
from kernel import tenancy
from tenant_apps.realtime import tickets
from tenant_apps.realtime.tests.test_socket import Listener, inside, play
from tenant_apps.tickets.tests import factories

from shared_apps.accounts.models import User
from shared_apps.events.log import last_seq
from shared_apps.tenants import lifecycle
from shared_apps.tenants.models import Tenant
from shared_apps.tenants.tests.lives import reference_of


def move_acme():
    try:
        with tenancy.public_scope():
            tenant = Tenant.objects.get(slug="acme")
        lifecycle.move_tenant(tenant=tenant, cluster="second")
        return reference_of("acme")
    finally:
        connections.close_all()


def test_a_socket_of_before_hears_what_happens_afterwards(second_cluster, acme, no_pause):
    async def scenario():
        ticket = await inside(acme, lambda: tickets.issue(user_id=User.objects.get(email="ana@acme.example").pk, key_id=None))
        listener = Listener(acme.host, f"?ticket={ticket}")
        await listener.connect()
        await listener.ready(await inside(acme, last_seq))

        moved = await sync_to_async(move_acme, thread_sensitive=False)()
        before = await inside(moved, last_seq)
        await inside(moved, factories.ticket)
        frame = await asyncio.wait_for(listener.frame(), 10)

        assert moved.cluster == "second"
        assert frame["seq"] == before + 1
        await listener.disconnect()

    play(scenario)

"""A part of a test in a process of its own, for dying in."""

import os
from collections.abc import Callable


def fork(work: Callable[[], object]) -> int:
    """Runs `work` in a child and returns its pid. The child ends with status 0, or 1 where `work` raised.

    It opens connections of its own without a pool: the pool's threads do not survive a fork.
    """
    from django.db import connections  # noqa: PLC0415 (Django is set up only now)
    from kernel import redis  # noqa: PLC0415

    connections.close_all()
    for connection in connections.all():
        connection.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL wrapper has one
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        for connection in connections.all():
            options = connection.settings_dict["OPTIONS"]
            connection.settings_dict["OPTIONS"] = {name: value for name, value in options.items() if name != "pool"}
        redis.client().connection_pool.reset()
        work()
        status = 0
    finally:
        os._exit(status)

"""Database work from async code: one sync callable enters the scope, does all its queries and gives the connection back."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

from kernel import tenancy
from kernel.tenancy import TenantRef

P = ParamSpec("P")
R = TypeVar("R")


async def in_tenant(tenant: TenantRef, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs `function` in a thread, inside the tenant's scope."""

    def run() -> R:
        try:
            with tenancy.tenant_scope(tenant):
                return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()


async def in_public(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs `function` in a thread, inside the public scope."""

    def run() -> R:
        try:
            with tenancy.public_scope():
                return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()

"""What the tests of the tenant's life cycle share: a tenant with a bit of everything, digests, and processes that kill themselves."""

import dataclasses
import os
import signal
from collections.abc import Callable
from typing import Any

from config.demo import people
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from infra.testing.forking import fork
from kernel import tenancy
from kernel.actors import SYSTEM, acting_as
from kernel.db.owner import owner_connection
from tenant_apps.intake.tests.factories import FIRST_MAIL, accept_mail, api_inbox, receive_mail
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent

from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.models import Tenant, TenantOperation
from shared_apps.tenants.selectors import host_of

SECRET_TEXT = "The spoke of Mia's bicycle is made of unobtainium"


def new_tenant(slug: str, *, cluster: str = "default") -> Any:
    """A tenant made for one test: unlike acme's, whose role stands in the template too, its role can be dropped."""
    tenant = people.ensure_tenant(slug=slug, name=slug.title(), owner_email=f"owner@{slug}.example", cluster=cluster)
    people.ensure_users(tenant=tenant, users=[("ana", "Ana Souza", "agent")], password="atende-demo")
    furnish(tenant)
    return tenant


def furnish(tenant: Any) -> None:
    """Mails, an answer with a file that waits to be sent, an unprocessed mail, a hook, a key, a session, an invitation."""
    with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
        user = User.objects.order_by("id").first()
        event = receive_mail(FIRST_MAIL)
        receive_mail(FIRST_MAIL.replace(b"<first@", b"<other@").replace(b"spoke", b"wheel").replace(b"mia@", b"leo@"))
        messaging.send_reply(
            conversation=event.message.conversation,
            author=user,
            body_text=SECRET_TEXT + '\twith a tab, a backslash \\ and "quotes"\r\nand a line',
            attachments=[FileContent(filename="plan.txt", content_type="text/plain", content=b"ten o'clock \x00\xff")],
        )
        messaging.add_note(conversation=event.message.conversation, author=user, body_text="só para nós 🚲")
        accept_mail(FIRST_MAIL.replace(b"<first@", b"<late@"))
        accounts.create_api_key(user=user, name="machine")
        accounts.invite(email="new@mail.example", role="agent")
        SessionStore().create()
    api_inbox(tenant, route_key=f"key-of-{tenant.slug}")


def reference_of(slug: str) -> Any:
    """The tenant as the registry has it now, whatever its state."""
    with tenancy.public_scope():
        return as_ref(Tenant.objects.get(slug=slug), host_of(slug))


def row_digests(tenant: Any) -> dict[str, tables.Facts]:
    """Each table's rows, without the tenant's id in file keys."""
    with owner_connection(tenant.cluster) as connection:
        return tables.measure_all(connection, tenant.schema, tenant_id=str(tenant.id))


def column_values(tenant: Any, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a table, in key order."""
    with owner_connection(tenant.cluster) as connection:
        return connection.execute(f'SELECT {", ".join(columns)} FROM "{tenant.schema}".{table} ORDER BY 1').fetchall()


def schemas_and_roles(cluster: str = "default") -> set[str]:
    """Everything that a half-finished operation could leave in a database: schemas, and the roles that operations have named."""
    with tenancy.public_scope():
        named = [data["target"]["schema"] for data in TenantOperation.objects.values_list("data", flat=True) if "target" in data]
    with owner_connection(cluster) as connection:
        found = connection.execute(
            "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 't\\_%%' UNION ALL "
            "SELECT 'role ' || rolname FROM pg_roles WHERE rolname = ANY (%s)",
            [named],
        ).fetchall()
    return {name for (name,) in found}


class Points:
    """A reporter that remembers where it was."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def reached(self, point: str, done: int = 0, total: int = 0) -> None:
        self.seen.append(point)


@dataclasses.dataclass
class KillAt:
    """A reporter that ends its process, as SIGKILL does, at the n-th point it reaches."""

    countdown: int

    def reached(self, point: str, done: int = 0, total: int = 0) -> None:
        self.countdown -= 1
        if self.countdown < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[], Any]) -> bool:
    """Runs `work` in a process of its own; whether it was killed. Raises AssertionError where it failed in another way."""
    tenancy.forget_directory()
    _, status = os.waitpid(fork(work), 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    assert os.WIFEXITED(status), status
    assert os.WEXITSTATUS(status) == 0, "the child failed before it was killed"
    return False


def let_go() -> None:
    """Closes what two processes must not share."""
    for connection in connections.all():
        connection.close()
        connection.close_pool()
    tenancy.forget_directory()

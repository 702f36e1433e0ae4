"""Sign-ins that were refused leave an entry for the account they were meant for, and none where there is no such account."""

from typing import Final

from kernel import limits, tenancy
from kernel.actors import current_origin
from kernel.problems import TooManyRequests
from kernel.tasks import TaskId, send
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts.models import User

PER_ACCOUNT: Final = "30/minute"
TENANT_TASK: Final = "shared_apps.accounts.tasks.note_refused_sign_in"
PLATFORM_TASK: Final = "shared_apps.accounts.tasks.note_refused_operator"
WRONG_PASSWORD: Final = "wrong_password"  # noqa: S105 (the name of a reason)
DEACTIVATED: Final = "deactivated"


def tell_of_refusal(*, user: User | None, reason: str) -> None:
    """Hands the refusal to a worker. Never raises.

    A worker, because the entry would take its time and so tell known addresses from unknown ones: here both cost one message of the
    same shape. One that is lost with its queue is an entry less.
    """
    tenant, origin = tenancy.current_scope().tenant, current_origin()
    about: dict[str, TaskId] = {"user_id": user.pk if user else 0, "reason": reason}
    about |= {"ip": origin.ip, "user_agent": origin.user_agent, "request_id": origin.request_id}
    if tenant is None:
        send(PLATFORM_TASK, "default", **about)
    else:
        send(TENANT_TASK, "default", tenant_id=str(tenant.id), **about)


def note_refused_sign_in(*, user_id: int, reason: str) -> None:
    """Writes the entry, at most thirty a minute for one account; nothing for nobody."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    try:
        limits.take(PER_ACCOUNT, "refused-sign-ins", str(user.public_id))
    except TooManyRequests:
        return
    _note(user=user, reason=reason)


@unit_of_work
def _note(*, user: User, reason: str) -> None:
    changes = {"reason": [None, reason]}
    record_audit(action="session.refuse", object_type="user", object_id=user.public_id, changes=changes, outcome="refused")

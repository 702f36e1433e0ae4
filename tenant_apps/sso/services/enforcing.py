"""Passwords where single sign-on is enforced: they sign in owners, who then have left a trace, and nobody else."""

from kernel import tenancy
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.errors import InvalidCredentials
from shared_apps.accounts.models import User

from tenant_apps.sso.selectors import BREAK_GLASS, REFUSED, is_enforced, is_owner


def check_password_gate(user: User) -> None:
    """Called where a password was right. Raises InvalidCredentials, as for a wrong one, so that nobody can try passwords out."""
    if tenancy.current_scope().tenant is None or not is_enforced():
        return
    is_let_in = is_owner(user)
    _note(user=user, is_let_in=is_let_in)
    if not is_let_in:
        raise InvalidCredentials


@unit_of_work
def _note(*, user: User, is_let_in: bool) -> None:
    if is_let_in:
        record_audit(action=BREAK_GLASS, object_type="user", object_id=user.public_id, changes={"way": [None, "password"]})
    else:
        changes = {"cause": [None, "password-not-taken"]}
        record_audit(action=REFUSED, object_type="user", object_id=user.public_id, changes=changes, outcome="refused")

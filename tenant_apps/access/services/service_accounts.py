"""Service accounts with their role."""

from kernel.uow import unit_of_work
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User

from tenant_apps.access.services import grant_role


@unit_of_work
def open_service_account(*, name: str, role: str) -> User:
    """A user for programs that holds the role. Raises ValidationProblem; the edge asks whether the role may be given."""
    account = accounts.create_service_account(name=name)
    grant_role(user=account, role=role)
    return account

"""What can be done with roles."""

from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.models import RoleAssignment


@unit_of_work
def grant_role(*, user: User, role: str) -> None:
    """Gives a user a role; a second time changes nothing."""
    _, created = RoleAssignment.objects.get_or_create(user=user, role=role)
    if created:
        record_audit(action="role.grant", object_type="user", object_id=user.public_id, changes={"role": [None, role]})

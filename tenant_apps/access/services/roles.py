"""A tenant's own roles."""

import dataclasses
import uuid

from django.utils.translation import gettext as _
from kernel.ids import new_id
from kernel.problems import FieldError, StaleVersion, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.errors import MayNotGrant, RoleInUse, RoleNameTaken
from tenant_apps.access.models import CustomRole, RoleAssignment, Visibility
from tenant_apps.access.permissions import CATALOGUE, SYSTEM_ROLES, missing_needs
from tenant_apps.access.services.assignments import access_of_now, bump_access_version

MOST_ROLES = 100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoleValues:
    """What describes a role."""

    name: str
    description: str = ""
    permissions: frozenset[str] = frozenset()
    visibility: str = Visibility.ALL


@unit_of_work
def create_role(*, by: User, values: RoleValues) -> CustomRole:
    """A new role. Raises ValidationProblem, RoleNameTaken, and MayNotGrant for codes that `by` does not hold for the whole tenant."""
    bump_access_version()
    _check(by, values, known=frozenset(), role=None)
    if CustomRole.objects.count() >= MOST_ROLES:
        raise ValidationProblem([FieldError("/name", "too-many", _("There are as many roles as there can be"))])
    role = CustomRole.objects.create(
        key=new_id().hex,
        name=values.name.strip(),
        description=values.description.strip(),
        permissions=sorted(values.permissions),
        visibility=values.visibility,
    )
    record_audit(
        action="role.create",
        object_type="role",
        object_id=uuid.UUID(role.key),
        changes={"name": [None, role.name], "permissions": [None, role.permissions]},
    )
    return role


@unit_of_work
def update_role(*, by: User, role: CustomRole, values: RoleValues, expected_version: int | None = None) -> CustomRole:
    """Changes a role for everybody who holds it. Codes that are neither added nor removed may be ones that `by` lacks.

    Raises StaleVersion and what `create_role` raises.
    """
    bump_access_version()
    row = CustomRole.objects.select_for_update().get(pk=role.pk)
    if expected_version is not None and expected_version != row.version:
        raise StaleVersion(version=row.version)
    _check(by, values, known=frozenset(row.permissions), role=row)
    new = {
        "name": values.name.strip(),
        "description": values.description.strip(),
        "permissions": sorted(values.permissions),
        "visibility": values.visibility,
    }
    changes = {name: [getattr(row, name), value] for name, value in new.items() if getattr(row, name) != value}
    if not changes:
        return row
    for name, value in new.items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    record_audit(action="role.update", object_type="role", object_id=uuid.UUID(row.key), changes=changes)
    return row


@unit_of_work
def delete_role(*, by: User, role: CustomRole, expected_version: int | None = None) -> None:
    """Deletes a role that nobody holds. Raises RoleInUse, MayNotGrant, StaleVersion."""
    bump_access_version()
    role = CustomRole.objects.select_for_update().get(pk=role.pk)
    if expected_version is not None and expected_version != role.version:
        raise StaleVersion(version=role.version)
    if frozenset(role.permissions) & CATALOGUE.keys() - access_of_now(by).tenant_codes:
        raise MayNotGrant
    if RoleAssignment.objects.filter(role=role.key).exists():
        raise RoleInUse
    record_audit(action="role.delete", object_type="role", object_id=uuid.UUID(role.key), changes={"name": [role.name, None]})
    role.delete()


def _check(by: User, values: RoleValues, *, known: frozenset[str], role: CustomRole | None) -> None:
    errors = []
    name = values.name.strip()
    if not name or len(name) > 80:
        errors.append(FieldError("/name", "invalid", _("Enter a name of at most 80 characters")))
    if len(values.description) > 200:
        errors.append(FieldError("/description", "invalid", _("Use at most 200 characters")))
    if values.visibility not in Visibility.values:
        errors.append(FieldError("/visibility", "unknown", _("There is no such visibility")))
    unknown = values.permissions - CATALOGUE.keys()
    errors += [
        FieldError("/permissions", "unknown", _("There is no permission %(code)s") % {"code": code[:80]}) for code in sorted(unknown)
    ]
    if not unknown:
        errors += [
            FieldError("/permissions", "incomplete", _("%(code)s needs %(needs)s") % {"code": code, "needs": ", ".join(needs)})
            for code, needs in missing_needs(values.permissions).items()
        ]
    if errors:
        raise ValidationProblem(errors)
    lacking = (values.permissions ^ known) - access_of_now(by).tenant_codes
    if lacking:
        raise MayNotGrant(missing=sorted(lacking))
    taken = CustomRole.objects.filter(name__iexact=name)
    system = {str(definition.name).lower() for definition in SYSTEM_ROLES.values()}
    if name.lower() in system or (taken.exclude(pk=role.pk) if role else taken).exists():
        raise RoleNameTaken

"""Teams and who is in them. A change of members may change what they see, so it raises the access version."""

from django.db.models import ProtectedError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work
from shared_apps.accounts.models import User

from tenant_apps.access.services import bump_access_version, withdraw_all_in_scope
from tenant_apps.organization.errors import TeamInUse
from tenant_apps.organization.models import Team, TeamMembership

MOST_TEAMS = 200


@unit_of_work
def create_team(*, name: str) -> Team:
    """A new team without members. Raises ValidationProblem."""
    bump_access_version()
    name = _checked(name, None)
    if Team.objects.count() >= MOST_TEAMS:
        raise ValidationProblem([FieldError("/name", "too-many", _("There are as many teams as there can be"))])
    team = Team.objects.create(key=_free_key(name), name=name)
    record_audit(action="team.create", object_type="team", object_id=team.public_id, changes={"name": [None, name]})
    return team


@unit_of_work
def rename_team(*, team: Team, name: str) -> Team:
    """Gives a team another name; its key, which addresses and views use, stays. Raises ValidationProblem."""
    bump_access_version()
    name, before = _checked(name, team), team.name
    if name != before:
        team.name = name
        team.save(update_fields=["name"])
        record_audit(action="team.update", object_type="team", object_id=team.public_id, changes={"name": [before, name]})
    return team


@unit_of_work
def delete_team(*, team: Team) -> None:
    """Deletes a team and the roles given for it. Raises TeamInUse while tickets or inboxes belong to it."""
    public_id, name = team.public_id, team.name
    withdraw_all_in_scope(scope_kind="team", scope_id=team.pk)
    try:
        team.delete()
    except ProtectedError as error:
        raise TeamInUse from error
    record_audit(action="team.delete", object_type="team", object_id=public_id, changes={"name": [name, None]})


@unit_of_work
def add_team_member(*, team: Team, user: User) -> None:
    """Adds a member; a second time changes nothing. Raises ValidationProblem for somebody whose access has ended."""
    bump_access_version()
    if not user.is_active:
        raise ValidationProblem([FieldError("/user", "invalid", _("Choose an active member"))])
    _row, created = TeamMembership.objects.get_or_create(team=team, user=user)
    if created:
        changes = {"member": [None, str(user.public_id)]}
        record_audit(action="team.add_member", object_type="team", object_id=team.public_id, changes=changes)


@unit_of_work
def remove_team_member(*, team: Team, user: User) -> None:
    """Takes a member out of a team; their tickets stay theirs."""
    bump_access_version()
    deleted, _rows = TeamMembership.objects.filter(team=team, user=user).delete()
    if deleted:
        changes = {"member": [str(user.public_id), None]}
        record_audit(action="team.remove_member", object_type="team", object_id=team.public_id, changes=changes)


def _checked(name: str, team: Team | None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise ValidationProblem([FieldError("/name", "invalid", _("Enter a name of at most 80 characters"))])
    same = Team.objects.filter(name__iexact=name)
    if (same.exclude(pk=team.pk) if team else same).exists():
        raise ValidationProblem([FieldError("/name", "taken", _("There is a team of this name already"))])
    return name


def _free_key(name: str) -> str:
    stem = slugify(name)[:34].strip("-") or "team"
    taken = set(Team.objects.filter(key__startswith=stem).values_list("key", flat=True))
    return next(key for key in (stem, *(f"{stem}-{number}" for number in range(2, MOST_TEAMS + 2))) if key not in taken)

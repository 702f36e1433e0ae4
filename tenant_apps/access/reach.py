"""What a user holds and how far it reaches, remembered for as long as the tenant's access version stands."""

import dataclasses
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from kernel import tenancy
from kernel.registry import Registry

from tenant_apps.access.models import AccessVersion, CustomRole, RoleAssignment, Visibility
from tenant_apps.access.permissions import CATALOGUE, SYSTEM_ROLES, Kind, RoleDefinition
from tenant_apps.access.scopes import SCOPES

Shares = Mapping[int, str]
"""Keys of single objects, with commas between them, by the id of the permission that guardian's rows give on them."""
SHARES: Registry[Callable[[int], Shares]] = Registry("shares")
"""What is shared with a user (by key) one by one, for a model (`app.model`). Whoever changes a share raises the access version."""
_REMEMBERED: Final = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """One assignment with what its role holds now."""

    id: int
    role: str
    codes: frozenset[str]
    visibility: str
    scope_kind: str
    scope_id: int


@dataclasses.dataclass(frozen=True, slots=True)
class Reach:
    """Where one permission is held. Teams and inboxes are keys of their tables."""

    is_everywhere: bool = False
    is_own: bool = False
    teams: frozenset[int] = frozenset()
    inboxes: frozenset[int] = frozenset()

    @property
    def is_nowhere(self) -> bool:
        """Held for nothing at all."""
        return not (self.is_everywhere or self.is_own or self.teams or self.inboxes)


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What a user holds in the tenant; `user` is their public id."""

    user: str
    version: int
    grants: tuple[Grant, ...]
    teams: frozenset[int]
    codes: frozenset[str]
    tenant_codes: frozenset[str]
    shares: Mapping[str, Shares] = dataclasses.field(default_factory=dict, compare=False)  # the version tells of their changes
    sees_all_tickets: bool = False  # by roles, whatever a key leaves of them: who sees all tickets sees all contacts

    def limited(self, restrict: Callable[[frozenset[str]], frozenset[str]]) -> "Access":
        """The same with less: every set of codes passes through `restrict`."""
        grants = tuple(dataclasses.replace(grant, codes=restrict(grant.codes)) for grant in self.grants)
        return dataclasses.replace(self, grants=grants, codes=restrict(self.codes), tenant_codes=restrict(self.tenant_codes))

    def reach(self, code: str) -> Reach:
        """Where the permission is held."""
        everywhere = own = False
        teams: set[int] = set()
        inboxes: set[int] = set()
        for grant in self.grants:
            if code not in grant.codes:
                continue
            if grant.scope_kind == "team":
                teams.add(grant.scope_id)
            elif grant.scope_kind == "inbox":
                inboxes.add(grant.scope_id)
            elif not grant.scope_kind:
                everywhere |= grant.visibility == Visibility.ALL
                own = True
                if grant.visibility in {Visibility.TEAM, Visibility.INBOX}:
                    teams |= self.teams
                if grant.visibility == Visibility.INBOX:
                    inboxes |= {other.scope_id for other in self.grants if other.scope_kind == "inbox"}
        return Reach(everywhere, own, frozenset(teams), frozenset(inboxes))

    def shared(self, model: str, permissions: Iterable[int]) -> str:
        """The keys of the objects on which the user holds one of these permissions by a share, for `__any_of`."""
        held = self.shares.get(model, {})
        return ",".join(held[permission] for permission in permissions if permission in held)


NOTHING: Final = Access("", 0, (), frozenset(), frozenset(), frozenset())
_remembered: "OrderedDict[tuple[uuid.UUID, int], Access]" = OrderedDict()


def access_of(user: Any, *, version: int | None = None) -> Access:  # Any: the user or an anonymous one
    """What the user holds, as far as the API key that was sent lets them (`user.restrict`).

    One query where the process remembers it, none where the caller has read the version. Kept on the user object for the request.
    """
    held = unrestricted_access_of(user, version=version)
    restrict: Callable[[frozenset[str]], frozenset[str]] | None = getattr(user, "restrict", None)
    return held if restrict is None else held.limited(restrict)


def unrestricted_access_of(user: Any, *, version: int | None = None) -> Access:  # Any: the user or an anonymous one
    """What the user holds by roles, whatever key was sent."""
    if not user.is_authenticated or not user.is_active:
        return NOTHING
    held: Access | None = getattr(user, "_access", None)
    if held is None:
        key = (tenancy.current_tenant().id, user.pk)
        version = access_version() if version is None else version
        held = _remembered.get(key)
        if held is None or held.version != version:
            held = _load(user.pk, str(user.public_id), version)
            _remembered[key] = held
            while len(_remembered) > _REMEMBERED:
                _remembered.popitem(last=False)
        user._access = held
    return held


def forget() -> None:
    """Empties the memory of this process; for tests, where two databases hold the same tenant."""
    _remembered.clear()


def access_version() -> int:
    """The tenant's present access version."""
    return AccessVersion.objects.values_list("number", flat=True).first() or 0


def role_definitions() -> dict[str, RoleDefinition]:
    """All roles of the tenant by key, the system's first."""
    custom = {
        row.key: RoleDefinition(
            row.key,
            row.name,
            row.description,
            frozenset(row.permissions) & CATALOGUE.keys(),
            Visibility(row.visibility),
            False,
            row.version,
        )
        for row in CustomRole.objects.order_by("name")
    }
    return {**SYSTEM_ROLES, **custom}


def codes_in(definition: RoleDefinition, scope_kind: str) -> frozenset[str]:
    """What a role gives in a scope: settings are not for teams."""
    if not scope_kind:
        return definition.codes
    return frozenset(code for code in definition.codes if CATALOGUE[code].kind is not Kind.TENANT)


def _load(user_id: int, user_public_id: str, version: int) -> Access:
    rows = list(RoleAssignment.objects.filter(user_id=user_id).order_by("id").values_list("id", "role", "scope_kind", "scope_id"))
    roles = SYSTEM_ROLES if all(role in SYSTEM_ROLES for _, role, _, _ in rows) else role_definitions()
    grants = tuple(
        Grant(key, role, codes_in(roles[role], kind), roles[role].visibility, kind, scope_id)
        for key, role, kind, scope_id in rows
        if role in roles
    )
    team = SCOPES.all().get("team")
    tenant_wide = [grant.codes for grant in grants if not grant.scope_kind]
    access = Access(
        user=user_public_id,
        version=version,
        grants=grants,
        teams=team.mine(user_id) if team else frozenset(),
        codes=frozenset().union(*(grant.codes for grant in grants)),
        tenant_codes=frozenset().union(*tenant_wide),
        shares={model: shares_of(user_id) for model, shares_of in SHARES.all().items()},
    )
    return dataclasses.replace(access, sees_all_tickets=access.reach("tickets.ticket.read").is_everywhere)

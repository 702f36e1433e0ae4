"""Why a user may do something, or why not."""

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from kernel.registry import Registry
from shared_apps.accounts.models import User

from tenant_apps.access.permissions import CATALOGUE, Kind
from tenant_apps.access.reach import Access, access_of, role_definitions


@dataclasses.dataclass(frozen=True, slots=True)
class Objects:
    """How objects of a type are found and judged. `visible` narrows by a user's reach of a code; `reasons` says what led to it."""

    find: Callable[[uuid.UUID], Model | None]
    visible: Callable[[Any, str], "QuerySet[Any]"]
    reasons: Callable[[User, str, Access, Any], list[dict[str, Any]]]


EXPLAINED: Registry[Objects] = Registry("explained object")


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """The answer and what it rests on. `because` names each way by which the permission is held (or would be, were it in reach)."""

    is_allowed: bool
    reason: str
    because: list[dict[str, Any]]  # Any: JSON


def explain(*, user: User, code: str, kind: str = "", found: Model | None = None) -> Explanation:
    """Whether `user` holds the permission, for one object or somewhere. The answer is the one that the checks themselves give."""
    if not user.is_active:
        return Explanation(False, "inactive", [])
    access, roles = access_of(user), role_definitions()
    held = [
        {
            "role": grant.role,
            "role_name": str(roles[grant.role].name),
            "scope_kind": grant.scope_kind,
            "scope_id": grant.scope_id,
            "visibility": grant.visibility,
        }
        for grant in access.grants
        if code in grant.codes
    ]
    if not held:
        without = CATALOGUE[code].kind is Kind.TENANT and any(code in roles[grant.role].codes for grant in access.grants)
        return Explanation(False, "only-in-a-scope" if without else "no-role", [])
    if found is None:
        return Explanation(True, "held", held)
    objects = EXPLAINED.get(kind)
    if not objects.visible(user, code).filter(pk=found.pk).exists():
        return Explanation(False, "out-of-reach", held)
    return Explanation(True, "within-reach", objects.reasons(user, code, access, found) or held)

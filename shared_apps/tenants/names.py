"""Whether a slug, host or address is free: nobody has it, no import is about to, and no deleted tenant had it lately."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError

from shared_apps.tenants.models import Domain, NameKind, OperationState, RetiredName, Tenant, TenantOperation
from shared_apps.tenants.selectors import host_of
from shared_apps.tenants.slugs import skeleton, slug_errors

BLOCKED_FOR: Final = datetime.timedelta(days=90)


def slug_faults(slug: str, *, former_owner: uuid.UUID | None = None) -> list[FieldError]:
    """Why a new tenant may not take this slug; empty for a free one. `former_owner` may take its own retired name back."""
    faults = [FieldError("/slug", code, detail) for code, detail in slug_errors(slug)]
    if faults:
        return faults
    host = host_of(slug)
    if (
        Tenant.objects.filter(slug=slug).exists()
        or Domain.objects.filter(domain=host).exists()
        or TenantOperation.objects.filter(slug=slug, state=OperationState.RUNNING).exists()
    ):
        return [FieldError("/slug", "taken", _("Another organization uses this address already"))]
    if is_retired(NameKind.SLUG, slug, former_owner=former_owner) or is_retired(NameKind.HOST, host, former_owner=former_owner):
        return [
            FieldError("/slug", "retired", _("An organization that was deleted lately used this address; it stays blocked for a while"))
        ]
    if _looks_like_another(slug, former_owner):
        return [FieldError("/slug", "confusable", _("This address looks like another organization's"))]
    return []


def is_retired(kind: NameKind, name: str, *, former_owner: uuid.UUID | None = None) -> bool:
    """Whether a deleted tenant other than `former_owner` had this name within the last 90 days."""
    found = RetiredName.objects.filter(kind=kind, name=name, blocked_until__gt=now())
    return found.exclude(tenant_public_id=former_owner).exists() if former_owner else found.exists()


def retire(kind: NameKind, names: Iterable[str], *, tenant_id: uuid.UUID) -> None:
    """Blocks names from now on, and forgets those whose time is over."""
    RetiredName.objects.filter(blocked_until__lt=now()).delete()
    for name in names:
        RetiredName.objects.update_or_create(
            kind=kind, name=name, defaults={"tenant_public_id": tenant_id, "blocked_until": now() + BLOCKED_FOR}
        )


def release(*, tenant_id: uuid.UUID, slug: str, addresses: Iterable[str]) -> None:
    """A tenant that comes back under its own slug and addresses has them again."""
    own = RetiredName.objects.filter(tenant_public_id=tenant_id)
    own.filter(kind=NameKind.SLUG, name=slug).delete()
    own.filter(kind=NameKind.HOST, name=host_of(slug)).delete()
    own.filter(kind=NameKind.ADDRESS, name__in=list(addresses)).delete()


def _looks_like_another(slug: str, former_owner: uuid.UUID | None) -> bool:
    """Whether people could take the slug for another organization's, or for one that was deleted lately: `gl0bex` beside `globex`."""
    retired = RetiredName.objects.filter(kind=NameKind.SLUG, blocked_until__gt=now())
    if former_owner is not None:
        retired = retired.exclude(tenant_public_id=former_owner)
    others = [*Tenant.objects.values_list("slug", flat=True), *retired.values_list("name", flat=True)]
    wanted = skeleton(slug)
    return any(skeleton(other) == wanted for other in others)

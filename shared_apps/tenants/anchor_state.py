"""Where the audit chains stand against their anchors, as far as a page can say without walking them."""

import dataclasses
import datetime
from typing import Final

from django.conf import settings
from django.db.models import Max
from kernel import crypto, tenancy

from shared_apps.audit import trail
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants.anchors import Anchor
from shared_apps.tenants.models import AuditAnchor, Tenant, TenantState

SOUND: Final = "sound"
BROKEN: Final = "broken"
UNANCHORED: Final = "unanchored"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """The platform's own chain and its newest anchor; of the tenants' chains how many are anchored, and since when."""

    state: str
    entries: int
    head: str
    anchored: int
    anchored_at: datetime.datetime | None
    tenants: int
    anchored_tenants: int
    last_tenant_anchor_at: datetime.datetime | None
    has_file: bool


def chain_state() -> ChainState:
    """Four queries, whatever the length of the chains."""
    with tenancy.public_scope():
        head, newest = trail.head(), AuditAnchor.objects.filter(tenant_public_id=None).order_by("-n").first()
        ids = list(Tenant.objects.filter(state__in=(TenantState.ACTIVE, TenantState.SUSPENDED)).values_list("public_id", flat=True))
        anchors = AuditAnchor.objects.filter(tenant_public_id__in=ids).aggregate(at=Max("set_at"))
        return ChainState(
            state=_state(head["entries"], newest),
            entries=head["entries"],
            head=head["head"],
            anchored=newest.n if newest else 0,
            anchored_at=newest.set_at if newest else None,
            tenants=len(ids),
            anchored_tenants=AuditAnchor.objects.filter(tenant_public_id__in=ids).values("tenant_public_id").distinct().count(),
            last_tenant_anchor_at=anchors["at"],
            has_file=bool(settings.ATENDE_AUDIT_ANCHORS),
        )


def _state(entries: int, newest: AuditAnchor | None) -> str:
    """An anchor must be ours, and the entry that it names must be there with that hash, unless it is gone because of its age."""
    if newest is None:
        return UNANCHORED
    anchor = Anchor(None, newest.n, bytes(newest.hash), newest.set_at)
    named = AuditEntry.objects.filter(n=newest.n).first()
    is_whole = entries >= newest.n and (named is None or bytes(named.hash) == anchor.hash)
    return SOUND if is_whole and crypto.same(bytes(newest.mac), anchor.mac()) else BROKEN

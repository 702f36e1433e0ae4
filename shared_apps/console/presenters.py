"""Shapes what the registry knows into what the console draws. It shows no figure that does not exist."""

from typing import Any, Final

from django.conf import settings
from django.utils.translation import get_language, pgettext, pgettext_lazy
from django.utils.translation import gettext as _
from kernel import tenancy
from kernel.clock import now
from ui.faces import face

from shared_apps.accounts import selectors as accounts
from shared_apps.accounts.models import Invitation, Language
from shared_apps.events import selectors as events
from shared_apps.tenants import selectors
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import OperationKind, OperationState, Tenant, TenantOperation, TenantState

STATES: Final = {
    TenantState.ACTIVE: (pgettext_lazy("tenant", "Active"), "ok", "circle-check"),
    TenantState.PROVISIONING: (pgettext_lazy("tenant", "Being set up"), "info", "rotate-cw"),
    TenantState.SUSPENDED: (pgettext_lazy("tenant", "Suspended"), "warn", "circle-alert"),
    TenantState.MOVING: (pgettext_lazy("tenant", "Being moved"), "info", "rotate-cw"),
    TenantState.DELETING: (pgettext_lazy("tenant", "Being deleted"), "warn", "circle-alert"),
    TenantState.ARCHIVED: (pgettext_lazy("tenant", "Archived"), "", "archive"),
}


def tenant_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:  # Any: column values; template context
    """Rows of the list."""
    return [
        {**row, **_state(row["state"]), "face": face(row["name"], row["public_id"]), "url": selectors.url_of(row["host"])} for row in rows
    ]


def state_tabs(counts: dict[str, int], state: str) -> list[dict[str, Any]]:  # Any: template context
    """The tabs with real numbers. States without a tenant have a tab too, so that the row of tabs never jumps."""
    tabs = [{"key": "", "label": pgettext("tenants", "All"), "count": counts["all"], "current": state == ""}]
    return tabs + [
        {"key": key, "label": label, "count": counts[key], "current": state == key} for key, (label, _tone, _icon) in STATES.items()
    ]


def tenant_detail(tenant: Tenant) -> dict[str, Any]:  # Any: template context
    """One tenant: hosts, owner, schema, number of people, and what happened."""
    host = selectors.host_of(tenant.slug)
    is_usable = tenant.state not in {TenantState.PROVISIONING, TenantState.DELETING} and not as_ref(tenant, host).is_outdated
    return {
        "tenant": tenant,
        "face": face(tenant.name, tenant.public_id),
        "host": host,
        "url": selectors.url_of(host),
        "domains": list(tenant.domains.order_by("-is_primary", "domain")),
        "is_current": tenant.fingerprint == tenant_fingerprint(),
        "operations": [_operation(row) for row in selectors.operations_of(tenant.public_id)[:10]],
        "history": [_happening(event) for event in reversed(events.events_of("tenant", tenant.public_id, limit=50))],
        **_state(tenant.state),
        **(_people(tenant, host) if is_usable else {"people": None, "owner": None}),
    }


def environment() -> dict[str, Any]:  # Any: template context
    """What the foot of the navigation says about this installation."""
    names = {"production": _("Production"), "development": _("Development"), "test": _("Test")}
    others = [choice for choice in Language.choices if choice[0] != get_language()]
    return {
        "environment": names[settings.ATENDE_ENV],
        "base_host": settings.ATENDE_BASE_HOST,
        "is_demo": settings.ATENDE_DEMO,
        "other_languages": others,
    }


def _state(state: str) -> dict[str, Any]:  # Any: template context
    label, tone, icon = STATES[TenantState(state)]
    return {"state_label": label, "state_tone": tone, "state_icon": icon}


def _people(tenant: Tenant, host: str) -> dict[str, Any]:  # Any: template context
    """Read inside the tenant's scope: how many people there are and what became of the owner's invitation, but nobody's name."""
    with tenancy.tenant_scope(as_ref(tenant, host)):
        users = accounts.active_users()
        has_joined = users.filter(email__iexact=tenant.owner_email).exists()
        people = users.count()
        invitation = Invitation.objects.filter(email__iexact=tenant.owner_email).order_by("-id").first()
    return {"people": people, "owner": _owner(has_joined=has_joined, invitation=invitation)}


def _owner(*, has_joined: bool, invitation: Any) -> dict[str, Any]:  # Any: an invitation or None; template context
    if has_joined or (invitation is not None and invitation.used_at):
        return {"label": pgettext("invitation", "Has joined"), "tone": "ok", "icon": "circle-check"}
    if invitation is None:
        return {"label": pgettext("invitation", "Not invited"), "tone": "", "icon": "circle-dashed"}
    if not invitation.is_open(now()):
        return {"label": pgettext("invitation", "Invitation has expired"), "tone": "warn", "icon": "triangle-alert"}
    if invitation.sent_at is None:
        return {"label": pgettext("invitation", "Invitation is on its way"), "tone": "info", "icon": "clock"}
    return {"label": pgettext("invitation", "Invited"), "tone": "info", "icon": "mail", "at": invitation.sent_at}


def _operation(row: TenantOperation) -> dict[str, Any]:  # Any: template context
    kinds = {
        OperationKind.EXPORT: pgettext("operation", "Export"),
        OperationKind.IMPORT: pgettext("operation", "Import"),
        OperationKind.CLONE: pgettext("operation", "Clone"),
        OperationKind.MOVE: pgettext("operation", "Move"),
        OperationKind.MOVE_BACK: pgettext("operation", "Move back"),
        OperationKind.DELETE: pgettext("operation", "Deletion"),
    }
    states = {
        OperationState.RUNNING: (pgettext("operation", "Unfinished"), "info", "clock"),
        OperationState.WAITING: (pgettext("operation", "To be confirmed"), "warn", "triangle-alert"),
        OperationState.DONE: (pgettext("operation", "Done"), "ok", "circle-check"),
        OperationState.UNDONE: (pgettext("operation", "Undone"), "", "circle-dashed"),
    }
    label, tone, icon = states[OperationState(row.state)]
    return {"row": row, "kind": kinds[OperationKind(row.kind)], "state_label": label, "state_tone": tone, "state_icon": icon}


def _happening(event: Any) -> dict[str, Any]:  # Any: a stored event; template context
    labels = {
        "tenant.created": _("Created"),
        "tenant.activated": _("Opened"),
        "tenant.suspended": _("Suspended"),
        "tenant.resumed": _("Resumed"),
        "tenant.exported": _("Exported"),
        "tenant.imported": _("Imported"),
        "tenant.moved": _("Moved to another cluster"),
        "tenant.deletion_begun": _("Deletion begun"),
    }
    icons = {
        "tenant.created": "plus",
        "tenant.activated": "circle-check",
        "tenant.suspended": "circle-alert",
        "tenant.resumed": "rotate-cw",
        "tenant.exported": "archive",
        "tenant.imported": "plus",
        "tenant.moved": "rotate-cw",
        "tenant.deletion_begun": "circle-alert",
    }
    return {
        "label": labels.get(event.type, event.type),
        "icon": icons.get(event.type, "circle-dashed"),
        "actor": event.actor.get("name") or _("The system"),
        "at": event.occurred_at,
    }

"""The page of API keys: keys in words, and what can be chosen for a new one."""

from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from kernel.clock import now
from shared_apps.accounts.models import ApiKey, RateClass, User
from shared_apps.accounts.scopes import EVERYTHING
from ui.faces import face

from tenant_apps.access.giving import known_resources, roles_to_give
from tenant_apps.access.reach import role_definitions
from tenant_apps.access.selectors import has_permission

LIFETIMES: Final = (
    ("", gettext_lazy("No end")),
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("1 year")),
)
OVERLAPS: Final = (
    ("0", pgettext_lazy("overlap", "At once")),
    ("1", pgettext_lazy("overlap", "In 1 hour")),
    ("24", pgettext_lazy("overlap", "In 1 day")),
    ("168", pgettext_lazy("overlap", "In 7 days")),
)
RATE_LABELS: Final = {
    RateClass.LOW: gettext_lazy("60 calls a minute"),
    RateClass.STANDARD: gettext_lazy("1,200 calls a minute"),
    RateClass.HIGH: gettext_lazy("30,000 calls a minute"),
}
_RESOURCES: Final = {
    "access.apikey": gettext_lazy("API keys"),
    "access.isolation": gettext_lazy("Isolation"),
    "access.member": gettext_lazy("Members"),
    "access.role": gettext_lazy("Roles"),
    "access.sign_in": gettext_lazy("Single sign-on"),
    "audit.entry": gettext_lazy("Audit trail"),
    "connectors.inbox": gettext_lazy("Inboxes"),
    "contacts.contact": gettext_lazy("Contacts"),
    "events.event": gettext_lazy("Event log"),
    "intake.event": gettext_lazy("Inbound messages"),
    "messaging.message": gettext_lazy("Conversations"),
    "messaging.note": gettext_lazy("Internal notes"),
    "organization.team": gettext_lazy("Teams"),
    "organization.member": gettext_lazy("Teams and colleagues"),
    "tickets.ticket": gettext_lazy("Tickets"),
}


def keys_context(
    user: User, keys: list[ApiKey], accounts: list[User], values: dict[str, Any]
) -> dict[str, Any]:  # Any: what stood in the form; template context
    """Everything the page shows of keys and service accounts, and the choices of its forms."""
    names, roles = {key.public_id: key.name for key in keys}, role_definitions()
    counts: dict[int, int] = {}
    for key in keys:
        counts[key.user_id] = counts.get(key.user_id, 0) + 1
    return {
        "keys": [_row(key, names) for key in keys],
        "accounts": [(account, face(account.name, account.public_id), counts.get(account.pk, 0)) for account in accounts],
        "lifetimes": LIFETIMES,
        "overlaps": OVERLAPS,
        "rates": RATE_LABELS.items(),
        "roles": [(role, roles[role].name) for role in reversed(roles_to_give(user))],  # the narrowest first
        "resources": [_choice(resource, values.get("scopes", [])) for resource in known_resources()],
        "may_see_history": has_permission(user, "audit.entry.read"),
    }


def scope_label(scope: str) -> str:
    """A scope in words."""
    if scope == EVERYTHING:
        return gettext("Everything")
    resource, _, kind = scope.partition(":")
    label = str(_RESOURCES.get(resource, resource))
    return (
        gettext("%(resource)s: read") % {"resource": label}
        if kind == "read"
        else gettext("%(resource)s: read and write") % {"resource": label}
    )


def _row(key: ApiKey, names: dict[Any, str]) -> dict[str, Any]:  # Any: ids; template context
    return {
        "key": key,
        "face": face(key.user.name, key.user.public_id),
        "is_expired": key.is_expired(now()),
        "scopes": [scope_label(scope) for scope in key.scopes],
        "rate": RATE_LABELS[RateClass(key.rate_class)],
        "is_replaced": key.successor_id is not None and key.successor_id in names,
    }


def _choice(resource: str, chosen: list[str]) -> tuple[str, str, str]:
    """A resource, its label and what of it was chosen: nothing, read or write."""
    kind = next((kind for kind in ("write", "read") if f"{resource}:{kind}" in chosen), "")
    return resource, str(_RESOURCES.get(resource, resource)), kind

"""Shapes the platform's audit trail into what its page draws."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext, pgettext_lazy

from shared_apps.accounts import selectors as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.audit import telling, words
from shared_apps.audit.telling import Line, Row
from shared_apps.tenants.anchor_state import BROKEN, SOUND, UNANCHORED, chain_state
from shared_apps.tenants.models import Tenant

PAGE: Final = "/operator/audit/"
_STATES: Final = {
    SOUND: (pgettext_lazy("audit chain", "Agrees with its anchor"), "ok", "circle-check"),
    BROKEN: (pgettext_lazy("audit chain", "Does not agree with its anchor"), "bad", "triangle-alert"),
    UNANCHORED: (pgettext_lazy("audit chain", "Not anchored yet"), "", "circle-dashed"),
}


def audit_lines(rows: Sequence[Row]) -> list[Line]:
    """The entries in words: one query a kind of object, each only where something of its kind is on the page."""
    wanted = telling.ids_by_kind(rows)
    tenants = Tenant.objects.filter(public_id__in=wanted.get("tenant", ())).values_list("public_id", "name")
    users = User.objects.filter(public_id__in=wanted.get("user", ())).values_list("public_id", "name")
    keys = ApiKey.objects.filter(public_id__in=wanted.get("api_key", ())).values_list("public_id", "name")
    link = '<a class="link" href="/operator/tenants/{}/">{} {}</a>'
    names: telling.Names = {
        "tenant": {key: format_html(link, key, words.TYPES["tenant"], name) for key, name in tenants},
        "user": dict(users),
        "api_key": dict(keys),
    }
    return telling.told(rows, names, page=PAGE)


def actor_choices() -> list[tuple[str, str]]:
    """The operators and their keys."""
    people = [(str(user.public_id), user.name) for user in accounts.active_users()]
    return people + [(str(key.public_id), gettext("Key: %(name)s") % {"name": key.name}) for key in accounts.api_keys()]


def chain_context() -> dict[str, Any]:  # Any: template context
    """The head of the platform's chain, its newest anchor, and how many tenants' chains have one."""
    state = chain_state()
    label, tone, icon = _STATES[state.state]
    return {"chain": state, "chain_label": label, "chain_tone": tone, "chain_icon": icon}

"""Single sign-on as the settings pages show it."""

import datetime
from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy
from shared_apps.accounts.models import User
from ui.faces import face

from tenant_apps.access.models import SystemRole
from tenant_apps.access.reach import role_definitions
from tenant_apps.sso import selectors, services
from tenant_apps.sso.models import Connection, ConnectionState
from tenant_apps.sso.selectors import Mapping
from tenant_apps.workspace.presenters.access import scope_choices

EMPTY_ROWS: Final = 3
TONES: Final = {
    ConnectionState.DRAFT: "",
    ConnectionState.TESTED: "info",
    ConnectionState.ENABLED: "ok",
    ConnectionState.ENFORCED: "ok",
}
STATE_WORDS: Final = {
    ConnectionState.DRAFT: gettext_lazy("Nobody signs in through it. Test it first."),
    ConnectionState.TESTED: gettext_lazy("A test has worked. Nobody signs in through it yet."),
    ConnectionState.ENABLED: gettext_lazy("Members sign in through it or by password."),
    ConnectionState.ENFORCED: gettext_lazy("Members sign in through it alone; owners also by password."),
}
_CAUSES: Final = {
    "state-unknown": gettext_lazy("The sign-in was too old, was used already, or began in another browser."),
    "connection-off": gettext_lazy("The connection is not switched on."),
    "connection-changed": gettext_lazy("The connection was changed while somebody was on the way."),
    "email-missing": gettext_lazy("The provider named no e-mail address."),
    "email-unverified": gettext_lazy("The provider does not say that the e-mail address is verified."),
    "domain-not-proven": gettext_lazy("The address is not of a proven domain of this connection."),
    "user-inactive": gettext_lazy("The member's access has ended."),
    "service-account": gettext_lazy("The address belongs to a service account."),
    "owner-not-approved": gettext_lazy("An owner wanted in, and no owner has switched this connection on."),
    "already-linked": gettext_lazy("The member is linked to another person at the provider already."),
    "not-a-member": gettext_lazy("Nobody has this address, and new people are not created."),
    "no-role": gettext_lazy("Neither a group nor the default gives a role."),
    "test-not-allowed": gettext_lazy("Only who may set up single sign-on can finish a test."),
    "password-not-taken": gettext_lazy("Passwords sign in owners alone."),
    "issuer-mixed-up": gettext_lazy("The answer came from another provider than the one asked."),
    "code-missing": gettext_lazy("The provider sent no code."),
}
# Causes of the provider's, by how they begin.
_KINDS: Final = (
    ("provider-", gettext_lazy("The provider itself refused.")),
    ("discovery-", gettext_lazy("The provider's configuration could not be read, or does not name the same issuer.")),
    ("token-refused", gettext_lazy("The provider did not take the code: check client id, secret and return address.")),
    ("token-", gettext_lazy("The provider's ID token is not valid for this connection.")),
    ("key", gettext_lazy("The provider's signing key was not found.")),
    ("userinfo-", gettext_lazy("The provider did not tell the e-mail address.")),
)


def cause_words(cause: str) -> str:
    """A cause of a refusal in words, with its code."""
    words = _CAUSES.get(cause) or next((kind for start, kind in _KINDS if cause.startswith(start)), "")
    return f"{words} ({cause})" if words else cause


def connections_context() -> dict[str, Any]:  # Any: template context
    """All connections, and who has used a password where it is only for emergencies."""
    rows = [
        {
            "connection": found,
            "tone": TONES[ConnectionState(found.state)],
            "domains": [domain.domain for domain in found.domains.all() if domain.verified_at],
        }
        for found in selectors.connections()
    ]
    return {"rows": rows, "return_address": services.return_address(), "break_glass": _break_glass()}


def connection_context(found: Connection, values: services.ConnectionValues | None = None) -> dict[str, Any]:  # Any: template context
    """One connection, with what was typed where it was refused."""
    mappings = list(values.mappings if values else selectors.mappings_of(found))
    roles = role_definitions()
    return {
        "connection": found,
        "values": values or found,
        "tone": TONES[ConnectionState(found.state)],
        "state_words": STATE_WORDS[ConnectionState(found.state)],
        "mappings": [_mapping_row(mapping) for mapping in mappings] + [_mapping_row(None)] * EMPTY_ROWS,
        "domains": [(domain, services.record_of(domain)) for domain in selectors.domains_of(found)],
        "return_address": services.return_address(),
        "role_choices": [(role.key, role.name) for role in roles.values()],
        "default_choices": [(role.key, role.name) for role in roles.values() if role.key != SystemRole.OWNER],
        "scope_choices": scope_choices(),
        "test": _test(found),
        "refusals": [_refusal(row) for row in selectors.recent_refusals(found)],
    }


def _mapping_row(mapping: Mapping | None) -> dict[str, str]:
    if mapping is None:
        return {"group": "", "role": "", "scope": ""}
    return {
        "group": mapping.group,
        "role": mapping.role,
        "scope": f"{mapping.scope_kind}:{mapping.scope.public_id}" if mapping.scope else "",
    }


def _test(found: Connection) -> dict[str, Any] | None:  # Any: template context
    test = found.last_test
    if not test:
        return None
    roles = role_definitions()
    cause = str(test.get("cause", ""))
    return {
        "is_passed": bool(test["is_passed"]),
        "at": datetime.datetime.fromisoformat(test["at"]),
        "cause": cause_words(cause) if cause else "",
        "email": test.get("email", ""),
        "roles": [roles[role].name if role in roles else role for role in test.get("roles", [])],
        "claims": [(name, _plain(value)) for name, value in test.get("claims", {}).items()],
    }


def _plain(value: Any) -> str:  # Any: JSON
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _refusal(row: dict[str, Any]) -> dict[str, Any]:  # Any: column values; template context
    return {"at": row["at"], "cause": cause_words(_new(row, "cause")), "reference": _new(row, "reference"), "ip": row["ip"]}


def _break_glass() -> list[dict[str, Any]]:  # Any: template context
    rows = selectors.recent_break_glass()
    people = {user.public_id: user for user in User.objects.filter(public_id__in=[row["object_id"] for row in rows])}
    return [
        {
            "at": row["at"],
            "ip": row["ip"],
            "name": people[row["object_id"]].name,
            "face": face(people[row["object_id"]].name, row["object_id"]),
        }
        for row in rows
        if row["object_id"] in people
    ]


def _new(row: dict[str, Any], name: str) -> str:  # Any: column values
    pair = row["changes"].get(name) or [None, ""]
    return str(pair[1] or "")

"""The tenant's audit trail in sentences: what its objects are called today, and who can be chosen as the one who acted."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext
from shared_apps.accounts.models import ApiKey, User
from shared_apps.audit import telling, words
from shared_apps.audit.telling import Line, Row

from tenant_apps.access.models import CustomRole
from tenant_apps.connectors import selectors as connectors
from tenant_apps.organization.models import Team
from tenant_apps.tickets.reach import tickets_visible_to

PAGE: Final = "/settings/audit/"


def audit_lines(viewer: User, rows: Sequence[Row]) -> list[Line]:
    """The entries in words. One query a kind of object, each only where something of its kind is on the page."""
    return telling.told(rows, _names(viewer, telling.ids_by_kind(rows)), page=PAGE)


def actor_choices(people_known: list[User], keys: list[ApiKey]) -> list[tuple[str, str]]:
    """Who can be chosen as the one who acted."""
    people = [(str(user.public_id), user.name) for user in people_known]
    return people + [(str(key.public_id), gettext("Key: %(name)s") % {"name": key.name}) for key in keys]


def _names(viewer: User, wanted: dict[str, set[uuid.UUID]]) -> telling.Names:
    def names(kind: str, found: Any, column: str = "name") -> dict[uuid.UUID, Any]:  # Any: a queryset; column values
        ids = wanted.get(kind)
        return dict(found.filter(public_id__in=ids).values_list("public_id", column)) if ids else {}

    roles = {role_id.hex: role_id for role_id in wanted.get("role", ())}
    return {
        "ticket": {key: _ticket(key, number) for key, number in names("ticket", tickets_visible_to(viewer), "number").items()},
        "user": names("user", User.objects.all()),
        "api_key": names("api_key", ApiKey.objects.all()),
        "inbox": names("inbox", connectors.inboxes_visible_to(viewer)),
        "team": names("team", Team.objects.all()),
        "role": {roles[key]: name for key, name in CustomRole.objects.filter(key__in=roles).values_list("key", "name")} if roles else {},
    }


def _ticket(public_id: uuid.UUID, number: int) -> str:
    return format_html('<a class="link" href="/inbox/{}/">{} #{}</a>', public_id, words.TYPES["ticket"], number)

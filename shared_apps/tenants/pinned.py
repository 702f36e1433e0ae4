"""Pinned content-type and permission ids: the same in every schema, so that no cache can ever mix them up."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from django.apps import apps
from kernel.db.routing import connection_in_scope, transaction_in_scope

_SHIFT = 1_000_000


class IdsNotPinned(RuntimeError):
    """A schema holds a content type or permission whose id is not the pinned one."""


def pinned_ids() -> dict[str, dict[str, int]]:
    """`{"content_types": {"app.model": id}, "permissions": {"app.codename": id}}` as checked in."""
    loaded: dict[str, dict[str, int]] = json.loads(resources.files("shared_apps.tenants").joinpath("pinned_ids.json").read_text())
    return loaded


def wanted_keys() -> dict[str, list[str]]:
    """The keys that the installed models need, in a stable order."""
    models = sorted(apps.get_models(include_swapped=True), key=lambda model: (model._meta.app_label, model._meta.model_name or ""))
    content_types = [f"{model._meta.app_label}.{model._meta.model_name}" for model in models]
    permissions = [
        f"{model._meta.app_label}.{action}_{model._meta.model_name}" for model in models for action in model._meta.default_permissions
    ]
    permissions += [f"{model._meta.app_label}.{codename}" for model in models for codename, _ in model._meta.permissions]
    return {"content_types": content_types, "permissions": permissions}


def extend_pins(path: Path) -> int:
    """Gives new keys the next free ids and writes the file. Existing pins never change. Returns the number added."""
    pins, added = pinned_ids(), 0
    for group, keys in wanted_keys().items():
        following = max(pins[group].values(), default=0) + 1
        for key in keys:
            if key not in pins[group]:
                pins[group][key] = following
                following, added = following + 1, added + 1
    path.write_text(json.dumps(pins, indent=1) + "\n")
    return added


def pin_schema() -> None:
    """Moves the rows of the schema in scope to their pinned ids, in one transaction. Runs as the owner, right after a migration."""
    pins = pinned_ids()
    with transaction_in_scope(), connection_in_scope().cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SELECT id, app_label || '.' || model FROM django_content_type")
        _move(cursor, "django_content_type", cursor.fetchall(), pins["content_types"], [("auth_permission", "content_type_id")])
        cursor.execute(
            "SELECT p.id, c.app_label || '.' || p.codename FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id"
        )
        _move(cursor, "auth_permission", cursor.fetchall(), pins["permissions"], [])


def check_pins() -> None:
    """Raises IdsNotPinned where the schema in scope differs from the pins."""
    pins = pinned_ids()
    with connection_in_scope().cursor() as cursor:
        cursor.execute(
            "SELECT 'content_types', app_label || '.' || model, id FROM django_content_type UNION ALL "
            "SELECT 'permissions', c.app_label || '.' || p.codename, p.id FROM auth_permission p "
            "JOIN django_content_type c ON c.id = p.content_type_id"
        )
        wrong = [key for group, key, number in cursor.fetchall() if pins[group].get(key) != number]
    if wrong:
        raise IdsNotPinned(", ".join(wrong[:5]))


def _move(
    cursor: Any, table: str, rows: list[tuple[int, str]], pins: dict[str, int], referrers: list[tuple[str, str]]
) -> None:  # Any: a cursor
    moves = [(number, pins[key]) for number, key in rows if number != pins[key]]
    for step in ([(old, old + _SHIFT) for old, _ in moves], [(old + _SHIFT, new) for old, new in moves]):
        for old, new in step:
            cursor.execute(f"UPDATE {table} SET id = %s WHERE id = %s", [new, old])  # noqa: S608 (table names are ours)
            for referrer, column in referrers:
                cursor.execute(f"UPDATE {referrer} SET {column} = %s WHERE {column} = %s", [new, old])  # noqa: S608
    cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608

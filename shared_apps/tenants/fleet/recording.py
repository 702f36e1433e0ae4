"""Writing down what migrations do to a schema, as SQL that does the same to another one."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from kernel.db.operations import SeedRows, is_seeding

_ASKS = re.compile(r"\s*(SELECT|SHOW|SET|RESET|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT)\b", re.IGNORECASE)
_HISTORY = re.compile(r'\s*(INSERT INTO|DELETE FROM|CREATE TABLE) "django_migrations"', re.IGNORECASE)
_CONCURRENTLY = re.compile(r"\s*(CREATE\s+(UNIQUE\s+)?|DROP\s+|RE)INDEX\s+CONCURRENTLY\b", re.IGNORECASE)
_INSERT = re.compile(r'\s*INSERT INTO "(?P<table>[^"]+)" \((?P<columns>[^)]*)\)', re.IGNORECASE)
_RETURNING = re.compile(r'\s+RETURNING\s+"[^;]*$', re.IGNORECASE)
_HARMLESS = {
    ("account", "0006_emailaddress_lower"),  # allauth's own addresses are not used: its table never held a row
    ("account", "0008_emailaddress_unique_primary_email_fixup"),
    ("auth", "0011_update_proxy_permissions"),  # there are no proxy models in a tenant
    ("contenttypes", "0002_remove_content_type_name"),
    ("knox", "0006_auto_20160818_0932"),  # the project has its own key model; the library's table never held a row
}


class NotDerivable(RuntimeError):
    """The step from one version to the next cannot be written as SQL that is right for every tenant."""


class Recorder:
    """A Django execute wrapper. Keeps statements that change something, apart from those that refuse a transaction."""

    def __init__(self, references: set[tuple[str, str]], keys: set[tuple[str, str]]) -> None:
        self.statements: list[str] = []
        self.after_statements: list[str] = []
        self._references, self._keys = references, keys

    def __call__(self, execute: Any, text: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:  # Any: Django's signature
        if not (_ASKS.match(text) or _HISTORY.match(text)):
            cursor = context["cursor"].cursor
            for one in parameters if many else [parameters]:
                self._keep(text if one is None else cursor.mogrify(text, one))
        return execute(without_concurrently(text), parameters, many, context)

    def _keep(self, text: str) -> None:
        text = text.strip().rstrip(";")
        if is_seeding():
            self.statements.append(self._seed(text))
        elif _CONCURRENTLY.match(text):
            self.after_statements.append(text)
        else:
            self.statements.append(text)

    def _seed(self, text: str) -> str:
        match = _INSERT.match(text)
        if match is None:
            raise NotDerivable(f"A seed may only insert rows: {text[:120]}")
        columns = [column.strip().strip('"') for column in match["columns"].split(",")]
        for column in columns:
            if (match["table"], column) in self._references | self._keys:
                raise NotDerivable(f"A seed may not write {match['table']}.{column}: the ids of other tenants' rows differ")
        return _RETURNING.sub("", text) + " ON CONFLICT DO NOTHING"


def without_concurrently(text: str) -> str:
    """The same index, built at once: on a scratch schema nobody waits, and nobody should be waited for."""
    return re.sub(r"\bCONCURRENTLY\s+", "", text, count=1, flags=re.IGNORECASE) if _CONCURRENTLY.match(text) else text


def refusals(migration: Migration) -> list[str]:
    """Why this migration cannot be replayed as SQL: one line for each operation that runs Python over rows."""
    if (migration.app_label, migration.name) in _HARMLESS:
        return []
    return [
        f"{migration.app_label}.{migration.name} runs the Python function {getattr(operation.code, '__name__', '')}, which SQL cannot "
        "carry to existing tenants: register a data_change, or use kernel.db.operations.SeedRows for rows that every tenant starts with"
        for operation in _flat(migration.operations)
        if isinstance(operation, migrations.RunPython)
        and not isinstance(operation, SeedRows)
        and operation.code is not migrations.RunPython.noop
    ]


def _flat(operations: Sequence[Operation]) -> "list[Operation]":
    found: list[Operation] = []
    for operation in operations:
        nested = getattr(operation, "database_operations", None)
        found += _flat(nested) if nested is not None else [operation]
    return found

"""Comparisons that Django lacks."""

from typing import Any

from django.db.models import BigAutoField
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler


@BigAutoField.register_lookup
class AnyOf(Lookup):
    """`key__any_of="1,2,3"`: like `__in` with one parameter for any number of keys; as text, since lists are dumped item by item."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[str | int, ...]]:  # Any: Django's connection
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::bigint[])", (*parameters, f"{{{self.rhs}}}")

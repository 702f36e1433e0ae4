"""Own contract for import-linter: the edges of an app (views, pages, ...) are imported by their app and by config only."""

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class PrivateEdges(Contract):
    """`apps`: packages of apps; `edges`: module names that are private; `readers`: packages that may import them all the same."""

    apps: Any = fields.ListField(subfield=fields.StringField())  # Any: a descriptor that yields the parsed value
    edges: Any = fields.SetField(subfield=fields.StringField())
    readers: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collects each import of an edge from outside its app."""
        broken = []
        for module in sorted(graph.modules):
            parts = module.split(".")
            if len(parts) < 3 or parts[0] not in self.apps or parts[2] not in self.edges:
                continue
            app = ".".join(parts[:2])
            for importer in sorted(graph.find_modules_that_directly_import(module)):
                if not (importer + ".").startswith(app + ".") and importer.split(".")[0] not in self.readers and ".tests" not in importer:
                    broken.append(f"{importer} -> {module}")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Lists the imports."""
        for line in check.metadata["broken"]:
            output.print_error(line)

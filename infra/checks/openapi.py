"""The published OpenAPI document: valid, well described, and the same as the code says; `--write` brings it up to date."""

import difflib
import io
import sys
from collections.abc import Iterator
from typing import Any

import django
import yaml
from django.core.management import call_command

from infra.dev.folders import ROOT

PUBLISHED = ROOT / "docs" / "reference" / "openapi.yaml"
_METHODS = {"get", "post", "put", "patch", "delete"}


def generated() -> tuple[str, str]:
    """The document as the code describes it, and the generator's warnings."""
    warnings, before = io.StringIO(), sys.stderr
    output = io.StringIO()
    sys.stderr = warnings
    try:
        call_command("spectacular", validate=True, stdout=output)
    finally:
        sys.stderr = before
    return output.getvalue(), warnings.getvalue()


def problems(document: dict[str, Any]) -> Iterator[str]:  # Any: JSON
    """What a reader of the document would miss."""
    seen: set[str] = set()
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method not in _METHODS:
                continue
            where = f"{method.upper()} {path}"
            if not operation.get("summary") and not operation.get("description"):
                yield f"{where}: says nothing about itself"
            if not operation.get("tags"):
                yield f"{where}: has no tag"
            if operation["operationId"] in seen:
                yield f"{where}: its operationId {operation['operationId']} is taken"
            seen.add(operation["operationId"])
            yield from _answers(where, operation.get("responses", {}))


def _answers(where: str, responses: dict[str, Any]) -> Iterator[str]:  # Any: JSON
    if not any(code.startswith(("2", "1", "3")) for code in responses):
        yield f"{where}: names no success"
    if not any(code.startswith("4") for code in responses):
        yield f"{where}: names no problem"
    for code, response in responses.items():
        if code.startswith(("4", "5")) and "application/problem+json" not in response.get("content", {}):
            yield f"{where}: {code} is not application/problem+json"


def main() -> int:
    """Checks, or with --write writes the document."""
    django.setup()
    text, warnings = generated()
    if "--write" in sys.argv:
        PUBLISHED.write_text(text, encoding="utf-8")
    found = [line for line in warnings.splitlines() if "Warning" in line or "Error" in line]
    found += problems(yaml.safe_load(text))
    published = PUBLISHED.read_text(encoding="utf-8") if PUBLISHED.exists() else ""
    if published != text:
        changes = list(difflib.unified_diff(published.splitlines(), text.splitlines(), "published", "code", lineterm="", n=1))
        found += ["docs/reference/openapi.yaml differs from the code; run `make openapi`", *changes[:30]]
    print("\n".join(found) or f"{len(yaml.safe_load(text).get('paths', {}))} paths, valid and up to date")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The layout's promises: no package named platform, test packages, no rooms for odds and ends, few doors to a tenant."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.dev.folders import ROOT

CODE = ("platform", "shared_apps", "tenant_apps", "infra")
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py", "util.py", "helper.py"}
_SWITCH = re.compile(r"\b(set_tenant|schema_context|tenant_context)\s*\(|^\s*with tenant:", re.MULTILINE)
_ENQUEUE = re.compile(r"\.(enqueue|delay|apply_async|send_task)\(")
_MAY_SWITCH = {"platform/kernel/tenancy.py", "platform/kernel/db/base.py"}
_TOP = {
    *("platform", "shared_apps", "tenant_apps", "infra", "docs", "locale", ".ci", ".git"),
    *(
        "docker-compose.yml",
        "README.md",
        "pyproject.toml",
        "Makefile",
        "manage.py",
        "conftest.py",
        "requirements.txt",
        "requirements-dev.txt",
    ),
    *("LICENSE", "CHANGELOG.md", ".gitignore", ".dockerignore"),
}


def files() -> list[Path]:
    """All Python files of the project, as paths relative to its root."""
    found = (path.relative_to(ROOT) for top in CODE for path in (ROOT / top).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


def problems(root: Path, paths: list[Path]) -> Iterator[str]:
    """One line for each broken promise."""
    if (root / "platform" / "__init__.py").exists():
        yield "platform/__init__.py: would shadow the standard library's platform"
    for path in paths:
        text = (root / path).read_text(encoding="utf-8")
        if path.name in BANNED_NAMES:
            yield f"{path}: name the room after what is in it"
        if path.name.startswith("test_") and not (root / path.parent / "__init__.py").exists():
            yield f"{path.parent}: a tests folder needs __init__.py"
        if "tests" not in path.parts and path.parts[0] != "infra":
            yield from _calls(path, text)
        if text.strip() and not text.startswith(('"""', "#!")) and "migrations" not in path.parts:
            yield f"{path}: begin with one line that says what lives here"


def _calls(path: Path, text: str) -> Iterator[str]:
    if str(path) not in _MAY_SWITCH and _SWITCH.search(text):
        yield f"{path}: only kernel.tenancy enters a tenant"
    is_allowed = path.name in {"handlers.py", "tasks.py"} or path.parts[:2] in {("platform", "config"), ("platform", "kernel")}
    if not is_allowed and _ENQUEUE.search(text) and "# enqueues:" not in text:
        yield f"{path}: only handlers and config enqueue tasks; say why with a comment `# enqueues: reason` where a hint must be sent"


def strangers(root: Path) -> Iterator[str]:
    """Things at the top level that the layout does not name; what git ignores does not count."""
    ignored = {line.strip("/") for line in (root / ".gitignore").read_text(encoding="utf-8").splitlines()}
    for path in sorted(root.iterdir()):
        if path.name not in _TOP and path.name not in ignored and not any(path.match(pattern) for pattern in ignored if pattern):
            yield f"{path.name}: not a place of the layout (architecture A1)"


def main() -> int:
    """Prints what is wrong, and the ten largest files as a hint."""
    paths = files()
    found = [*problems(ROOT, paths), *strangers(ROOT)]
    print("\n".join(found), end="\n" if found else "")
    sizes = sorted(((len((ROOT / path).read_text(encoding="utf-8").splitlines()), path) for path in paths), reverse=True)
    print("largest files: " + ", ".join(f"{path} {lines}" for lines, path in sizes[:10]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

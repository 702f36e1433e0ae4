"""The page of settings: each one has its row, and nothing that is gone still has one."""

import re
import sys
from collections.abc import Iterator

from infra.dev.folders import ROOT

REFERENCE = ROOT / "docs" / "reference"
_SETTING = re.compile(r"""env(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]+)\"""")
_DEVELOPMENT = re.compile(r"""["'](ATENDE_[A-Z0-9_]+)["']""")


def settings_named() -> set[str]:
    """The environment variables that the settings read."""
    text = (ROOT / "platform" / "config" / "settings" / "base.py").read_text(encoding="utf-8")
    return set(_SETTING.findall(text)) | set(_DEVELOPMENT.findall(text))


def compare(page: str, wanted: set[str], pattern: str) -> Iterator[str]:
    """Names that the page lacks, and names on it that the code no longer knows."""
    path = REFERENCE / page
    if not path.exists():
        yield f"docs/reference/{page} is missing"
        return
    named = set(re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE))
    yield from (f"docs/reference/{page}: `{name}` is not described" for name in sorted(wanted - named))
    yield from (f"docs/reference/{page}: `{name}` is described, but the code does not know it" for name in sorted(named - wanted))


def main() -> int:
    """Prints what is missing."""
    found = list(compare("settings.md", settings_named(), r"^\| `([A-Z][A-Z0-9_]+)` \|"))
    print("\n".join(found) or "every setting is described")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

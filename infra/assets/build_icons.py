"""Packs the Lucide icons that our pages use into one SVG sprite. For maintainers; the sprite is committed.

usage: build_icons.py FOLDER   where FOLDER is an unpacked `lucide-static` package
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPRITE = ROOT / "platform/ui/static/ui/icons/sprite.svg"
TEMPLATES = [ROOT / "platform/ui/templates", ROOT / "shared_apps/console/templates", ROOT / "tenant_apps/workspace/templates"]
NAMED_IN_PYTHON = [
    "archive",
    "check",
    "circle-alert",
    "circle-check",
    "circle-dashed",
    "clock",
    "code",
    "file-text",
    "git-branch",
    "hash",
    "image",
    "inbox",
    "mail",
    "pencil-line",
    "phone",
    "plus",
    "rotate-cw",
    "signal-high",
    "tag",
    "triangle-alert",
    "user-round",
    "users",
]
"""Icons that presenters choose."""
_IN_TEMPLATE = re.compile(r"""(?:<c-icon[^>]*?\sname|\sicon)="([^"]*)\"""")


def names_in_templates() -> set[str]:
    """The words in `name=` of icons and `icon=` of other components; of a condition both outcomes."""
    found: set[str] = set()
    for folder in TEMPLATES:
        for template in folder.rglob("*.html"):
            for value in _IN_TEMPLATE.findall(template.read_text(encoding="utf-8")):
                found |= set(re.sub(r"\{[{%].*?[}%]\}", " ", value).split())
    return found


def symbol(name: str, source: str) -> str:
    """The inside of an icon as a symbol."""
    inner = re.search(r"<svg[^>]*>(.*?)</svg>", source, re.DOTALL)
    if inner is None:
        raise SystemExit(f"{name} is not an SVG file")
    return f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inner[1].split())}</symbol>'


def main() -> None:
    """Writes the sprite."""
    icons = Path(sys.argv[1]) / "icons"
    names = sorted(names_in_templates() | set(NAMED_IN_PYTHON))
    body = "".join(symbol(name, (icons / f"{name}.svg").read_text(encoding="utf-8")) for name in names)
    SPRITE.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>\n', encoding="utf-8")
    print(f"{len(names)} icons, {SPRITE.stat().st_size} bytes: {' '.join(names)}")


if __name__ == "__main__":
    main()

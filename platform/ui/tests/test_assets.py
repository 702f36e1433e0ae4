"""Vendored files are unchanged, every icon is in the sprite, and the pages stay light."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from infra.assets.build_icons import NAMED_IN_PYTHON, names_in_templates

STATIC = Path(__file__).resolve().parents[1] / "static/ui"
AGENT_STYLES = ["tokens", "base", "parts", "agent", "thread", "composer", "forms", "panel"]
PAGE_SCRIPTS = {"page"}


def _packed(files) -> int:
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


@pytest.mark.parametrize("line", (STATIC / "vendor/SHA256SUMS").read_text().splitlines())
def test_a_vendored_file_has_its_digest(line):
    digest, name = line.split()

    assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest


def test_the_sprite_holds_exactly_the_icons_in_use():
    sprite = (STATIC / "icons/sprite.svg").read_text()

    assert set(re.findall(r'<symbol id="([^"]+)"', sprite)) == names_in_templates() | set(NAMED_IN_PYTHON)


def test_the_agents_scripts_stay_below_40_kb():
    own = [file for file in (STATIC / "js").glob("*.js") if file.stem not in PAGE_SCRIPTS]

    assert _packed([*own, STATIC / "vendor/htmx/htmx-4.0.1.min.js"]) < 40 * 1024


def test_the_agents_styles_stay_below_20_kb():
    assert _packed(STATIC / f"css/{name}.css" for name in AGENT_STYLES) < 20 * 1024


def test_scripts_and_styles_fetch_nothing_from_elsewhere():
    for file in [*(STATIC / "js").glob("*.js"), *(STATIC / "css").glob("*.css")]:
        assert not re.search(r"https?://|@import", file.read_text()), file.name

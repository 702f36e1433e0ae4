"""Every pair of colours that meets on a page keeps its contrast in both schemes (WCAG 1.4.3, 1.4.11)."""

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[1] / "static/ui/css/tokens.css"
_PAIR = re.compile(r"--([\w-]+):\s*light-dark\(\s*oklch\(([^)]*)\)\s*,\s*oklch\(([^)]*)\)\s*\)")
COLOURS = {
    name: tuple(tuple(float(part) for part in scheme.split()[:3]) for scheme in schemes)
    for name, *schemes in _PAIR.findall(TOKENS.read_text())
}
NEEDED = {
    7: ["text:bg surface surface-2 surface-3 accent-soft note bubble-me"],
    4.5: [
        "text-2:bg surface surface-2 surface-3 accent-soft note bubble-me",
        "text-3:bg surface surface-2 accent-soft",
        "accent-text:surface surface-2 accent-soft",
        "on-accent:accent accent-hover",
        "danger-text:danger-soft surface accent-soft",
        "warn-text:warn-soft surface note",
        "ok-text:ok-soft surface",
        "on-danger:danger",
    ],
    3: [
        "focus:surface bg surface-2 accent-soft",
        "field-line:surface bg",
        "danger:surface surface-3",
        "warn:surface",
        "ok:surface surface-3",
    ],
}
CASES = [
    (front, back, need)
    for need, rows in NEEDED.items()
    for row in rows
    for front in [row.split(":")[0]]
    for back in row.split(":")[1].split()
]


def _luminance(colour: tuple[float, float, float]) -> float:
    """OKLCH to the 8-bit sRGB a browser paints, to relative luminance."""
    lightness, chroma, hue = colour
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    painted = [round(255 * _encoded(min(1, max(0, channel)))) / 255 for channel in linear]
    red, green, blue = (channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in painted)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _encoded(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


@pytest.mark.parametrize(("front", "back", "need"), CASES)
def test_a_pair_has_enough_contrast(front, back, need):
    for scheme in (0, 1):
        lighter, darker = sorted((_luminance(COLOURS[front][scheme]), _luminance(COLOURS[back][scheme])), reverse=True)

        assert (lighter + 0.05) / (darker + 0.05) >= need

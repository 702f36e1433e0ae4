"""Lines of CSV that a spreadsheet shows and never runs."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_SIGNS: Final = r"[=+\-@＝＋－＠]"
_AT_START: Final = re.compile(rf"\s*{_SIGNS}|[\t\r\n]")
_INSIDE: Final = re.compile(rf"([,;\"\t\r\n])(\s*)({_SIGNS})")  # behind what some program takes for the end of a cell


def csv_line(values: Iterable[object]) -> str:
    """One line, every cell quoted; what could begin a formula has an apostrophe in front of it, and NUL characters are gone."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([safe_cell(value) for value in values])
    return out.getvalue()


def safe_cell(value: object) -> str:
    """The text of a cell, harmless (ASVS 1.2.10)."""
    text = "" if value is None else str(value).replace("\x00", "")
    text = _INSIDE.sub(r"\1\2'\3", text)
    return f"'{text}" if _AT_START.match(text) else text

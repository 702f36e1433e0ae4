"""Extracts the texts of all apps into the message catalogues, and compiles them. Works without gettext's programs.

usage: python infra/i18n/catalogues.py update | compile | check
"""

import ast
import datetime
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("platform", "shared_apps", "tenant_apps")
LOCALES = ("pt_BR",)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_NO_DATE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # the same texts always make the same file
_PROBLEM = re.compile(r'^    slug, title, status = "[^"]*", "([^"]*)"', re.MULTILINE)
Found = tuple[str | tuple[str, ...], str, int, str | None]


def sources() -> list[Path]:
    """Python modules and templates of the product, in a stable order; tests are left out."""
    files = (path for folder in FOLDERS for pattern in ("*.py", "*.html") for path in (ROOT / folder).rglob(pattern))
    return sorted(path for path in files if not {"tests", "migrations"} & set(path.parts))


def texts_of(path: Path) -> Iterator[Found]:
    """The texts of one file."""
    if path.suffix == ".py":
        with path.open("rb") as source:
            for line, message, _comments, context in extract("python", source, KEYWORDS, options={"encoding": "utf-8"}):
                yield message, path.relative_to(ROOT).as_posix(), line, context
        for match in _PROBLEM.finditer(path.read_text(encoding="utf-8")):
            yield match[1], path.relative_to(ROOT).as_posix(), 0, None
        return
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for number, text in enumerate(code.splitlines(), start=1):
        for name, arguments in _calls(text):
            yield _message(name, arguments, path, number)


def _calls(line: str) -> Iterator[tuple[str, list[str]]]:
    """The gettext calls that `templatize` left in a line of blanked text."""
    for match in re.finditer(r"(?<![A-Za-z_])(npgettext|pgettext|ngettext|gettext|_)\(", line):
        rest = line[match.end() :]
        for end in (found.start() for found in re.finditer(r"\)", rest)):
            try:
                parsed = ast.parse(f"f({rest[:end]})", mode="eval").body
            except SyntaxError:
                continue
            if isinstance(parsed, ast.Call):
                yield match[1], [node.value for node in parsed.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            break


def _message(name: str, arguments: list[str], path: Path, line: int) -> Found:
    where = path.relative_to(ROOT).as_posix()
    context = arguments.pop(0) if name in {"pgettext", "npgettext"} else None
    # Django writes percent signs of templates doubled
    arguments = [argument.replace("%%", "%") if "%(" not in argument else argument for argument in arguments]
    if name in {"ngettext", "npgettext"}:
        return (arguments[0], arguments[1]), where, line, context
    return arguments[0], where, line, context


def template_catalogue() -> Catalog:
    """All texts of the product, without translations."""
    catalogue = Catalog(project="Atende", charset="utf-8")
    for path in sources():
        for message, where, line, context in texts_of(path):
            if message and message != ("", ""):
                catalogue.add(message, locations=[(where, line)], context=context)
    return catalogue


def read(locale: str) -> Catalog:
    """The catalogue of a locale, empty where there is none yet."""
    path = po_path(locale)
    if not path.is_file():
        return Catalog(locale=locale, project="Atende", charset="utf-8")
    with path.open("rb") as source:
        catalogue = read_po(source, locale=locale)
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    return catalogue


def po_path(locale: str) -> Path:
    """Where a locale's catalogue lies."""
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


def update() -> None:
    """Brings the catalogues up to date; texts that are gone are dropped, nothing is guessed."""
    found = template_catalogue()
    for locale in LOCALES:
        catalogue = read(locale)
        catalogue.update(found, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        catalogue.fuzzy = False
        catalogue.header_comment = f"# Texts of Atende in {locale}."
        buffer = io.BytesIO()
        write_po(buffer, catalogue, width=140, sort_output=True, include_lineno=False, omit_header=False)
        po_path(locale).parent.mkdir(parents=True, exist_ok=True)
        po_path(locale).write_bytes(
            re.sub(
                rb'"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Generated-By|Report-Msgid-Bugs-To)[^\n]*\n', b"", buffer.getvalue()
            )
        )


def compile_all() -> None:
    """Writes the binary catalogues that Django reads."""
    for locale in LOCALES:
        with po_path(locale).with_suffix(".mo").open("wb") as target:
            write_mo(target, read(locale))


def problems() -> list[str]:
    """Texts without a translation, fuzzy ones, placeholders that differ, texts that the catalogue does not know."""
    found = template_catalogue()
    faults = []
    for locale in LOCALES:
        catalogue = read(locale)
        known = {(message.id, message.context) for message in catalogue if message.id}
        faults += [
            f"{locale}: not in the catalogue: {message.id!r}"
            for message in found
            if message.id and (message.id, message.context) not in known
        ]
        for message in catalogue:
            if not message.id:
                continue
            strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            if message.fuzzy or not all(strings):
                faults.append(f"{locale}: not translated: {message.id!r}")
            elif {_names(text or "") for text in strings} - {_names(text) for text in ids}:
                faults.append(f"{locale}: other placeholders: {message.id!r}")
    return faults


def _names(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"%\(\w+\)[sd]|\{\w*\}", text))


def main() -> int:
    """Runs one command."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "update":
        update()
    elif command == "compile":
        compile_all()
    elif command == "check":
        faults = problems()
        print("\n".join(faults) or "The catalogues are complete")
        return 1 if faults else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

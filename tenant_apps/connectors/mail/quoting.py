"""Where a reply ends and the quoted earlier mail begins. A view only: the two parts together are always the whole text."""

import bisect
import dataclasses
import functools
import itertools
import re
from html import unescape
from typing import Final

from kernel.html import text_from_html
from mailparser_reply.constants import MAIL_LANGUAGES

MAX_LINES: Final = 5_000
MAX_CANDIDATES: Final = 400
MAX_LIBRARY_CHECKS: Final = 60  # the library's patterns backtrack; they only ever see short windows, and few of them

_NAMES_AND_DATES: Final = r"[^\n]{1,250}?"
_ATTRIBUTION: Final = re.compile(
    rf"(?:On\s{_NAMES_AND_DATES}\swrote\s?:"
    rf"|(?:Em|No dia|A|Às|Aos)\s{_NAMES_AND_DATES}\s(?:escreveu|escreveram)\s?:)",
    re.IGNORECASE,
)
_ONE_LINE_ATTRIBUTION: Final = re.compile(rf"{_NAMES_AND_DATES}\s(?:wrote|escreveu)\s?:", re.IGNORECASE)
_HAS_DATE_OR_ADDRESS: Final = re.compile(r"\d{1,4}[\s./:-]|@|\bde\s\d{4}\b")
_SEPARATOR: Final = re.compile(
    r"\s{0,4}(?:-{2,}\s{0,3}(?:Original Message|Original Appointment|Mensagem [Oo]riginal|Mensagem original)\s{0,3}-{2,}|_{20,})\s*"
)
_FORWARD: Final = re.compile(
    r"-{2,}\s?(?:Forwarded message|Mensagem encaminhada)|Begin forwarded message|Início da mensagem reencaminhada", re.IGNORECASE
)
_FIRST_FIELD: Final = re.compile(r"[*\s]{0,4}(?:From|De)\s?:[*\s]", re.IGNORECASE)
_FIELD: Final = re.compile(r"[*\s]{0,4}(?:Sent|Date|To|Cc|Subject|Enviada? em|Enviado|Enviada|Data|Para|Assunto)\s?:[*\s]", re.IGNORECASE)
_CANDIDATE: Final = re.compile(
    r"^(?:>|[^\n]*[:\uff1a][ \t]*\r?$|[ \t*]{0,4}(?:From|De)\s?:|\s{0,4}(?:-{2,}|_{20}))|^(?:Begin|Início)", re.MULTILINE | re.IGNORECASE
)
_SIGNATURE: Final = re.compile(r"--\s?$")

_HTML_MARKS: Final = re.compile(
    r"<div[^<>]{0,300}?\bclass\s*=\s*[\"'][^\"'<>]{0,200}\b(?P<gmail>gmail_quote(?:_container)?|gmail_attr|yahoo_quoted|protonmail_quote|zmail_extra)\b"
    r"|<blockquote[^<>]{0,300}?\btype\s*=\s*[\"']?(?P<cite>cite)"
    r"|<div[^<>]{0,300}?\bid\s*=\s*[\"']?(?P<outlook>(?:x_)*(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container))"
    r"|<div[^<>]{0,60}?\bstyle\s*=\s*[\"']\s*border:\s?none;\s?border-top:\s?solid\s(?P<desktop>#[0-9a-f]{6})\s1\.0pt",
    re.IGNORECASE,
)
_HIDDEN: Final = re.compile(r"<(?:head|style|script|title|!)", re.IGNORECASE)
_HTML_ATTRIBUTION: Final = re.compile(r"<div[^<>]{0,200}class\s*=\s*[\"'][^\"'<>]{0,200}\bmoz-cite-prefix\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Quote:
    """A body in two parts; `visible + quoted` is the body, to the character."""

    visible: str
    quoted: str


def split_text(text: str) -> Quote:
    """Cuts a plain text before the quoted earlier mail.

    Nothing is cut where the writer answered between the quoted lines, from a forwarded mail, or where nothing would remain.
    """
    position = _text_cut(text)
    if position is None or not text[:position].strip() or not text[position:].strip():
        return Quote(text, "")
    return Quote(text[:position], text[position:])


def split_html(html: str) -> Quote:
    """The same for HTML, by the marks that mail programs leave. The visible part may leave elements open."""
    mark = _HTML_MARKS.search(html)
    if mark is None:
        return Quote(html, "")
    position = mark.start()
    attribution = _HTML_ATTRIBUTION.search(html, max(0, position - 2_000), position)
    position = attribution.start() if attribution else position
    if mark.lastgroup in {"gmail", "cite"} and text_from_html(html[_element_end(html, mark.start()) :]).strip():
        return Quote(html, "")
    quoted = html[position:]
    if _FORWARD.search(text_from_html(quoted[:5_000])[:500]) or not _shows_something(html[:position]):
        return Quote(html, "")
    return Quote(html[:position], quoted)


# --- text ---


def _text_cut(text: str) -> int | None:
    candidates = [match.start() for match in itertools.islice(_CANDIDATE.finditer(text), MAX_CANDIDATES)]
    if not candidates:
        return None
    lines = text.splitlines(keepends=True)[:MAX_LINES]
    starts = list(itertools.accumulate((len(line) for line in lines), initial=0))
    wanted = {bisect.bisect_right(starts, position) - 1 for position in candidates}
    checks = _LibraryChecks()
    # An attribution may be wrapped: its end is what was found, its beginning is up to two lines above.
    for index in sorted({index - above for index in wanted for above in range(3) if 0 <= index - above < len(lines)}):
        if _FORWARD.match(lines[index].strip()):
            return None
        if _begins_quote_to_the_end(lines, index, checks):
            return starts[index]
    return None


def _begins_quote_to_the_end(lines: list[str], index: int, checks: "_LibraryChecks") -> bool:
    if lines[index].startswith(">"):
        return _is_quote_to_the_end(lines[index:])
    return _starts_quote(lines, index, checks) and not _is_answered_below(lines[index:])


def _starts_quote(lines: list[str], index: int, checks: "_LibraryChecks") -> bool:
    line = lines[index]
    if line.startswith(">") or not line.strip():
        return False
    return _starts_outlook_block(lines, index) or _is_attribution(lines, index, checks)


def _starts_outlook_block(lines: list[str], index: int) -> bool:
    """A separator with a field block below, or the block alone: From/De and at least two more fields within five lines."""
    if _SEPARATOR.fullmatch(lines[index].rstrip("\n")):
        following = [number for number in range(index + 1, min(index + 4, len(lines))) if lines[number].strip()]
        is_worded = "_" not in lines[index]
        return is_worded or (bool(following) and _is_field_block(lines, following[0]))
    return _is_field_block(lines, index)


def _is_field_block(lines: list[str], index: int) -> bool:
    if not _FIRST_FIELD.match(lines[index]):
        return False
    return sum(1 for line in lines[index + 1 : index + 7] if _FIELD.match(line)) >= 2


def _is_attribution(lines: list[str], index: int, checks: "_LibraryChecks") -> bool:
    """`On <date>, <name> wrote:` and its kin, which may be wrapped over up to three lines."""
    if _HAS_DATE_OR_ADDRESS.search(lines[index][:300]) is None:
        return False
    window = ""
    for line in lines[index : index + 3]:
        is_first = not window
        window = f"{window} {line.strip()}".strip()
        if len(window) > 300:
            return False
        if window.endswith((":", "\uff1a")):
            if _ATTRIBUTION.fullmatch(window) or (is_first and _ONE_LINE_ATTRIBUTION.fullmatch(window)):
                return True
            return checks.is_attribution(window)
        if not line.strip():
            return False
    return False


class _LibraryChecks:
    """Asks mail-parser-reply's patterns, which know a dozen more languages, a bounded number of times."""

    def __init__(self) -> None:
        self._left = MAX_LIBRARY_CHECKS

    def is_attribution(self, window: str) -> bool:
        """Whether some language's reply header matches the whole window."""
        self._left -= 1
        return self._left >= 0 and any(pattern.match(window) for pattern in _library_patterns())


@functools.cache
def _library_patterns() -> tuple[re.Pattern[str], ...]:
    written = [language["wrote_header"] for language in MAIL_LANGUAGES.values() if language.get("wrote_header")]
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in written)


def _is_answered_below(block: list[str]) -> bool:
    """Whether the writer's own words stand below quoted lines: then the quotes belong to what he says."""
    first = next((number for number, line in enumerate(block) if line.startswith(">")), None)
    return first is not None and not _is_quote_to_the_end(block[first:])


def _is_quote_to_the_end(block: list[str]) -> bool:
    """Quoted and empty lines only, up to the end or a signature."""
    for line in block:
        if _SIGNATURE.match(line):
            return True
        if line.strip() and not line.startswith(">"):
            return False
    return True


# --- html ---


def _element_end(html: str, start: int) -> int:
    """Where the element that starts here ends, counting nested elements of the same name; the end of the text if it never does."""
    name = "blockquote" if html[start : start + 11].lower() == "<blockquote" else "div"
    depth = 0
    for tag in re.finditer(rf"<(/?){name}\b[^<>]*>", html[start:], re.IGNORECASE):
        depth += -1 if tag[1] else 1
        if depth <= 0:
            return start + tag.end()
    return len(html)


def _shows_something(html: str) -> bool:
    if re.search(r"<img\b", html, re.IGNORECASE):
        return True
    return bool((text_from_html(html) if _HIDDEN.search(html) else unescape(re.sub(r"<[^<>]*>?", "", html))).strip())

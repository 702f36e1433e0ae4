"""HTML from outside made safe to show, and the ways between HTML and plain text."""

import dataclasses
import html as stdlib_html
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import nh3

POLICY_VERSION: Final = 1
MAX_CHARACTERS: Final = 1_000_000
# The HTML5 parser takes time in the square of the depth (200,000 nested elements took 264 s) and of the attributes of one element
# (50,000 took 1 s), and is slow on bare ampersands (500,000 took 3 s). Real mail stays far below these.
MAX_DEPTH: Final = 256
MAX_ATTRIBUTES: Final = 30_000
MAX_AMPERSANDS: Final = 50_000
MAX_UNPARSED_TEXT: Final = 100_000
MAX_PASSES: Final = 4

_WORDS: Final = str.split
_TAGS: Final = frozenset(
    _WORDS(
        "a abbr b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr "
        "i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"
    )
)
_DROPPED_WITH_CONTENT: Final = frozenset(
    _WORDS(
        "applet audio canvas embed frame frameset head iframe math noembed noframes noscript object script select style svg template "
        "textarea title video xmp"
    )
)
_IMAGE_ATTRIBUTES: Final = frozenset({"background", "lowsrc", "srcset", "style"})  # looked at to count remote images, never kept
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": {"dir", "lang", "title", *_IMAGE_ATTRIBUTES},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "li": {"value"},
    "ol": {"start", "type", "reversed"},
    "table": {"align", "border", "cellpadding", "cellspacing", "width"},
    "td": {"align", "colspan", "rowspan", "valign", "width"},
    "th": {"align", "colspan", "rowspan", "scope", "valign", "width"},
    "tr": {"align", "valign"},
    "p": {"align"},
    "div": {"align"},
}
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "cid"})
_LINK_REL: Final = "noopener noreferrer nofollow"

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_NEVER_OPEN: Final = frozenset({"area", "base", "br", "col", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "p", "source", "wbr"})
_FOREIGN: Final = re.compile(r"<(?:svg|math)\b", re.IGNORECASE)
_REMOTE: Final = re.compile(r"\s*(?:https?:|ftp:|//|\\\\)", re.IGNORECASE)
_REMOTE_IN_LIST: Final = re.compile(r"(?:^|[\s,])(?:https?:|//)", re.IGNORECASE)
_CSS_URL: Final = re.compile(r"url\(\s*(?:['\"]|&quot;|&#3[49];)?\s*((?:https?:|//)[^\s'\")&]*)", re.IGNORECASE)
_SOURCE_SET: Final = re.compile(r"<source\b[^<>]*?\bsrcset\s*=\s*['\"]?\s*((?:https?:|//)[^\s'\",>]*)", re.IGNORECASE)
_LONG_TAG: Final = re.compile(r"<[a-zA-Z][^>]{20000}")
_BREAK_TAG: Final = re.compile(r"<br>|</(?:p|div|tr|li)>", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^<>]*>?")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclasses.dataclass(frozen=True, slots=True)
class SanitisedHtml:
    """HTML that is safe to show, and how many images it would have fetched from elsewhere."""

    html: str
    blocked_images: int


def sanitise(html: str, *, images: Mapping[str, str] | None = None) -> SanitisedHtml:
    """Keeps an allow-list of elements and attributes; everything else goes, text stays (security note D10).

    `cid:` images become the URL that `images` holds for their Content-ID and stay as they are without one. Remote images
    lose their address and are counted by different address. Sanitising the result again, with the same images, changes
    nothing. HTML that is too large or nested too deep to be laid out is shown as its text.
    """
    if _is_costly(html):
        return SanitisedHtml(html=html_from_text(_text_without_parsing(html)), blocked_images=0)
    gate = _ImageGate(images or {})
    gate.look_into_style_sheets(html)
    cleaned = _stable(html, gate)
    return SanitisedHtml(html=cleaned, blocked_images=len(gate.blocked))


def _stable(html: str, gate: "_ImageGate") -> str:
    """Cleans until nothing changes: a link around a table, for one, parses differently once it has been written out (mutation XSS
    lives on such differences). What does not settle, or became costly by escaping, is shown as its text."""
    cleaned = _clean(html, gate)
    for _ in range(MAX_PASSES):
        if _became_costly(cleaned):
            break
        again = _clean(cleaned, gate)
        if again == cleaned:
            return cleaned
        cleaned = again
    return html_from_text(_text_without_parsing(cleaned))


def _clean(html: str, gate: "_ImageGate") -> str:
    return nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes=_ATTRIBUTES,
        attribute_filter=gate.keep,
        url_schemes=set(_SCHEMES),
        url_relative=gate.keep_relative,
        link_rel=_LINK_REL,
    )


def text_from_html(html: str) -> str:
    """The readable text: blocks become lines, list items get a dash, quotes a `> `, links their address where it says more."""
    if _is_costly(html):
        return _text_without_parsing(html)
    cleaned = nh3.clean(
        html,
        tags=set(_TEXT_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={"a": {"href"}, "img": {"alt"}},
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel=None,
    )
    writer = _TextWriter()
    for token in _TOKEN.finditer(cleaned):
        writer.take(token)
    return writer.text()


def html_from_text(text: str) -> str:
    """Paragraphs and line breaks, with web addresses made into links; safe by construction and unchanged by `sanitise`."""
    text = _CONTROLS_BUT_LINES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    paragraphs = re.split(r"\n{2,}", text.strip("\n"))
    return "".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs if paragraph.strip())


def _is_costly(html: str) -> bool:
    return (
        len(html) > MAX_CHARACTERS
        or html.count("=") > MAX_ATTRIBUTES
        or html.count("&") > MAX_AMPERSANDS
        or _LONG_TAG.search(html) is not None
        or _is_too_deep(html)
    )


def _became_costly(cleaned: str) -> bool:
    """The same for our own output, which is well-formed: only text grew by escaping, and tables by elements they imply."""
    if len(cleaned) > MAX_CHARACTERS or cleaned.count("=") > MAX_ATTRIBUTES or cleaned.count("&") > MAX_AMPERSANDS:
        return True
    return "<tbody>" in cleaned and _is_too_deep(cleaned)


def _is_too_deep(html: str) -> bool:
    """An upper bound of the nesting, counted for each element name by itself so that stray end tags cannot hide it."""
    if html.count("<") <= MAX_DEPTH:
        return False
    never_open = frozenset[str]() if _FOREIGN.search(html) else _NEVER_OPEN
    open_elements: Counter[str] = Counter()
    depth = 0
    for closing, name in _TAG.findall(html):
        name = name.lower()
        if name in never_open:
            continue
        if not closing:
            open_elements[name] += 1
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif open_elements[name] > 0:
            open_elements[name] -= 1
            depth -= 1
    return False


class _ImageGate:
    """Decides about every attribute that may name an image, and remembers the remote addresses it met."""

    def __init__(self, images: Mapping[str, str]) -> None:
        self._images = images
        self._own_urls = frozenset(images.values())
        self.blocked: set[str] = set()

    def keep(self, _tag: str, attribute: str, value: str) -> str | None:
        """The attribute's value, or None to drop it."""
        if attribute in _IMAGE_ATTRIBUTES:
            self._note(attribute, value)
            return None
        if attribute != "src":
            return _CONTROLS.sub("", value)
        if value in self._own_urls:
            return value
        if value[:4].lower() == "cid:":
            return self._images.get(unquote(value[4:]).strip("<>"), value)
        self._note("src", value)
        return None

    def keep_relative(self, url: str) -> str | None:
        """Relative addresses mean nothing in a mail; only those the caller gave us stay."""
        if url in self._own_urls:
            return url
        self._note("src", url)
        return None

    def look_into_style_sheets(self, html: str) -> None:
        """Counts what `keep` never sees: style elements and picture sources."""
        lowered = html.lower()
        if "<source" in lowered:
            self.blocked.update(_SOURCE_SET.findall(html))
        start = lowered.find("<style")
        while start >= 0:
            end = lowered.find("</style", start)
            end = len(html) if end < 0 else end
            self.blocked.update(_CSS_URL.findall(html, start, end))
            start = lowered.find("<style", end)

    def _note(self, attribute: str, value: str) -> None:
        if attribute == "style":
            self.blocked.update(_CSS_URL.findall(value))
            return
        found = _REMOTE_IN_LIST.search(value) if attribute == "srcset" else _REMOTE.match(value)
        if found:
            self.blocked.add(value[found.start() :].lstrip(" \t\r\n,").split(" ", 1)[0])


def _text_without_parsing(html: str) -> str:
    """The text of HTML that is too costly to parse: tags cut away by one linear scan, entities decoded, cut at a limit."""
    html = _BREAK_TAG.sub("\n", html)
    text = _CONTROLS_BUT_LINES.sub("", stdlib_html.unescape(_ANY_TAG.sub("", html)))
    return text if len(text) <= MAX_UNPARSED_TEXT else f"{text[: MAX_UNPARSED_TEXT - 4]} [.]"


# --- html to text ---
_TEXT_TAGS: Final = frozenset(_WORDS("a blockquote br dd div dt h1 h2 h3 h4 h5 h6 hr img li ol p pre table td th tr ul"))
_BLOCKS: Final = frozenset(_WORDS("blockquote dd div dt h1 h2 h3 h4 h5 h6 li ol pre table tr ul"))
_TOKEN: Final = re.compile(r"<(?P<close>/?)(?P<name>[a-z0-9]+)(?P<attributes>[^>]*)>|(?P<text>[^<]+)")
_ATTRIBUTE: Final = re.compile(r'(?:href|alt)="([^"]*)"')
_SPACES: Final = re.compile(r"[ \t\r\n\f\u00a0]+")


class _TextWriter:
    """Builds lines from the tokens of well-formed, allow-listed HTML."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = ""
        self._quotes = 0
        self._pre = 0
        self._bullet = False
        self._links: list[tuple[str, int]] = []

    def take(self, token: re.Match[str]) -> None:
        text = token["text"]
        if text is not None:
            self._write(stdlib_html.unescape(text))
        elif token["close"]:
            self._close(token["name"])
        else:
            self._open(token["name"], token["attributes"])

    def text(self) -> str:
        self._break()
        text = "\n".join(self._lines).strip("\n")
        return _BLANK_LINES.sub("\n\n", text)

    def _open(self, name: str, attributes: str) -> None:
        value = _ATTRIBUTE.search(attributes)
        if name == "br":
            self._break(force=True)
        elif name == "a":
            self._links.append((stdlib_html.unescape(value[1]) if value else "", len(self._line)))
        elif name == "img" and value:
            self._write(stdlib_html.unescape(value[1]))
        elif name in {"td", "th"}:
            self._write(" ")
        elif name == "hr":
            self._break()
            self._lines.append(self._prefix() + "---")
        elif name == "p":
            self._paragraph()
        elif name in _BLOCKS:
            self._break()
            self._quotes += name == "blockquote"
            self._pre += name == "pre"
            self._bullet = name == "li"

    def _close(self, name: str) -> None:
        if name == "a" and self._links:
            self._name_link(*self._links.pop())
        elif name == "p":
            self._paragraph()
        elif name in _BLOCKS:
            self._break()
            self._quotes = max(0, self._quotes - (name == "blockquote"))
            self._pre = max(0, self._pre - (name == "pre"))

    def _name_link(self, url: str, start: int) -> None:
        label = self._line[start:].strip() if start <= len(self._line) else ""
        if url and label and label.rstrip("/") not in {url.rstrip("/"), re.sub(r"^https?://", "", url).rstrip("/")}:
            self._line += f" ({url})"

    def _write(self, text: str) -> None:
        if self._pre:
            first, *rest = text.split("\n")
            self._line += first
            for part in rest:
                self._break(force=True)
                self._line = part
            return
        text = _SPACES.sub(" ", text)
        if not self._line or self._line.endswith(" "):
            text = text.lstrip(" ")
        if text and self._bullet:
            self._bullet, text = False, f"- {text}"
        self._line += text

    def _paragraph(self) -> None:
        self._break()
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._prefix().rstrip())

    def _break(self, *, force: bool = False) -> None:
        if self._line.strip() or force:
            self._lines.append((self._prefix() + self._line).rstrip())
        self._line = ""

    def _prefix(self) -> str:
        return "> " * min(self._quotes, 20)


_BLANK_LINES: Final = re.compile(r"\n{3,}")

# --- text to html ---
_URL: Final = re.compile(r"https?://[^\s<>\"']{1,2000}")


def _linked(paragraph: str) -> str:
    parts: list[str] = []
    position = 0
    for match in _URL.finditer(paragraph):
        url = match[0].rstrip(".,;:!?)]}")
        parts.append(_escaped(paragraph[position : match.start()]))
        if len(url) > len("https://"):
            parts.append(f'<a href="{stdlib_html.escape(url)}" rel="{_LINK_REL}">{_escaped(url)}</a>')
        else:
            parts.append(_escaped(url))
        position = match.start() + len(url)
    parts.append(_escaped(paragraph[position:]))
    return "".join(parts)


def _escaped(text: str) -> str:
    return stdlib_html.escape(text, quote=False).replace("\u00a0", "&nbsp;").replace("\n", "<br>")

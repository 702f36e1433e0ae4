"""Mail addresses: read from header fields (RFC 5322, with the mistakes seen in the wild), normalised in one way."""

import dataclasses
import re
import unicodedata
from typing import Final

from tenant_apps.connectors.mail.headers import MAX_FIELD, clean, decode_field, with_eight_bit_text

MAX_ADDRESSES: Final = 500
MAX_COMMENT: Final = 500
MAX_UNCLOSED: Final = 20
_DOMAIN: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f.:]+\]", re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT_TOKEN: Final = re.compile(r"\\.|[()]", re.DOTALL)
_LOCAL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f\ud800-\udfff]+")
_QUOTED_LOCAL: Final = re.compile(r'"[^"\\\r\n\x00-\x1f\x7f\ud800-\udfff]{1,62}"')


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: display name and normalised address."""

    name: str
    email: str

    @property
    def has_misleading_name(self) -> bool:
        """Whether the display name shows another address than the one that is used (CVE-2023-27043 and its kin)."""
        shown = re.search(r"[^\s<>\"'(]+@[^\s<>\"')]+", self.name)
        return shown is not None and normalise(shown[0].strip(".,;:")) != self.email


def normalise(value: str) -> str:
    """Lower case with an IDNA domain, or an empty string where it is no usable address. Dots and plus parts stay."""
    value = value.strip()
    local, at, domain = value.rpartition("@")
    if not at or len(value) > 254 or not (_LOCAL.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        return ""
    domain = _ascii_domain(domain)
    if not domain or len(local.encode()) > 64:
        return ""
    return f"{unicodedata.normalize('NFC', local).lower()}@{domain}"


def parse(raw: str) -> tuple[Address, ...]:
    """Every mailbox of an address field, in order. Structure is read before encoded words are decoded, so none can forge it."""
    found = []
    for text in _split(with_eight_bit_text(raw[:MAX_FIELD]))[:MAX_ADDRESSES]:
        address = _mailbox(text)
        if address:
            found.append(address)
    return tuple(found)


def split_plus(email: str) -> tuple[str, str]:
    """`local+tag@domain` as `("local@domain", "tag")`; the tag is empty where there is none."""
    local, _, domain = email.rpartition("@")
    base, _, tag = local.partition("+")
    return (f"{base}@{domain}", tag) if tag else (email, "")


def domain_of(email: str) -> str:
    """The part behind the last `@`."""
    return email.rpartition("@")[2]


def _ascii_domain(domain: str) -> str:
    domain = domain.strip().rstrip(".").lower()
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else ""


def _split(raw: str) -> list[str]:
    """Cuts at commas (and at the marks of groups) that stand outside quotes, comments and angle brackets."""
    pieces, piece = [], ""
    for char, plain in _marked(raw):
        if plain and char in ",;":
            pieces.append(piece)
            piece = ""
        elif plain and char == ":" and "<" not in piece and "@" not in piece:
            piece = ""  # the name of a group
        else:
            piece += char
    return [*pieces, piece]


def _marked(raw: str) -> list[tuple[str, bool]]:
    """Each character with whether it has its structural meaning. Comments are left out; what is never closed is plain text."""
    marked: list[tuple[str, bool]] = []
    in_angle, position, unclosed = False, 0, 0
    while position < len(raw):
        char = raw[position]
        quoted = _QUOTED.match(raw, position) if char == '"' else None
        if quoted:
            marked += [(inner, False) for inner in quoted[0]]
            position = quoted.end()
            continue
        if char == "(" and unclosed < MAX_UNCLOSED:
            after_comment = _comment_end(raw, position)
            if after_comment > position:
                position = after_comment
                continue
            unclosed += 1
        in_angle = char == "<" if char in "<>" else in_angle
        marked.append((char, not in_angle and char != ">"))
        position += 1
    return marked


def _comment_end(raw: str, start: int) -> int:
    """The position behind the comment that starts here, or `start` where it is not closed within reach."""
    depth = 0
    for token in _COMMENT_TOKEN.finditer(raw, start, start + MAX_COMMENT):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return start


def _mailbox(text: str) -> Address | None:
    """`name <address>`, or a bare address. What stands in the last angle brackets is the address, the rest only a name."""
    start, end = text.rfind("<"), text.rfind(">")
    if 0 <= start < end:
        route = text[start + 1 : end]
        email = normalise(route.rpartition(":")[2] if route.startswith("@") else route)
        return Address(name=_display_name(text[:start]), email=email) if email else None
    email = normalise(text.strip().strip("<>"))
    return Address(name="", email=email) if email else None


def _display_name(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return clean(decode_field(text).replace('"', ""))[:160]

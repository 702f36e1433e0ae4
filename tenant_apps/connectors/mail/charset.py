"""Bytes to text, whatever their label says."""

import codecs
import functools
import re
from typing import Final

# What the label says is often a subset of what was meant; the right-hand side decodes everything the left-hand side does.
_WIDER: Final = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
    "tis-620": "cp874",
}
_ALIASES: Final = {"ks_c_5601-1987": "cp949", "x-sjis": "cp932", "iso-8859-8-i": "iso8859-8", "x-gbk": "gb18030", "utf8mb4": "utf-8"}
_NOT_CHARSETS: Final = frozenset(
    {"unicode_escape", "raw_unicode_escape", "raw-unicode-escape", "unicode-escape", "idna", "punycode", "undefined"}
)
_SINGLE_BYTE: Final = frozenset({"cp1252", "cp1254"})
_ISO_2022_SHIFT: Final = re.compile(rb"\x1b(?:\$[@B]|\([BJI])")
_LONE: Final = re.compile("[\x00\ud800-\udfff]")


def decode(content: bytes, label: str | None) -> str:
    """The text, never an error: the label's charset where it fits, UTF-8 where that fits, and Windows-1252 at last.

    NUL and lone surrogates, which no database text column takes, become the replacement character.
    """
    codec = _codec(label or "")
    text = _strictly(content, codec) if codec else None
    if codec is None or text is None or (codec in _SINGLE_BYTE and not content.isascii()):
        text = _guessed(content) or text
    if text is None:
        text = _least_damaged(content, codec)
    return storable(text.removeprefix("\ufeff"))


def storable(text: str) -> str:
    """The text without what a UTF-8 database refuses."""
    return _LONE.sub("\ufffd", text)


@functools.lru_cache(maxsize=256)
def _codec(label: str) -> str | None:
    label = label.strip().strip("\"'").lower()[:40]
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
        b"a".decode(name, "replace")  # refuses codecs that are no charsets, such as zlib
    except (LookupError, ValueError, TypeError):
        return None
    return None if name in _NOT_CHARSETS else _WIDER.get(name, name)


def _strictly(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _guessed(content: bytes) -> str | None:
    """UTF-8 is never there by accident, and neither are the shift sequences of ISO-2022-JP."""
    if content.isascii() and _ISO_2022_SHIFT.search(content):
        return _strictly(content, "iso2022_jp_ext")
    return _strictly(content, "utf-8")


def _least_damaged(content: bytes, codec: str | None) -> str:
    """A few broken bytes spoil a few characters only; a wrong label spoils everything, and then Windows-1252 reads best."""
    if codec and codec not in _SINGLE_BYTE:
        text = content.decode(codec, "replace")
        if text.count("\ufffd") * 20 <= len(text):
            return text
    return content.decode("cp1252", "replace")

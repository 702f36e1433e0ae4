"""File names from outside, made harmless."""

import re
import unicodedata
from typing import Final

from tenant_apps.connectors.mail.headers import clean

MAX_LENGTH: Final = 150
_PATH_OR_SPECIAL: Final = re.compile(r"[\"'`*?<>|;:%$&{}\\/]")
_INVISIBLE: Final = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})


def sanitise(name: str, *, fallback: str = "attachment") -> str:
    """The last path part without control characters, direction marks or shell and header specials; at most 150 characters.

    The extension is kept when the name is cut. Names that vanish, dot files and `..` become the fallback.
    """
    name = unicodedata.normalize("NFC", clean(name))
    name = re.split(r"[\\/]", name)[-1]
    name = "".join(char for char in name if unicodedata.category(char) not in _INVISIBLE)
    name = _PATH_OR_SPECIAL.sub("_", name).strip(" .")
    if not name.strip("_ ."):
        name = fallback
    if len(name) > MAX_LENGTH:
        stem, dot, extension = name.rpartition(".")
        keep = f".{extension}" if dot and len(extension) <= 12 else ""
        name = (stem if keep else name)[: MAX_LENGTH - len(keep)] + keep
    return name

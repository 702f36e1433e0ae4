"""How a person, contact or tenant is drawn where there is no picture: initials on a colour that never changes."""

import dataclasses
import zlib


@dataclasses.dataclass(frozen=True, slots=True)
class Face:
    """A name, its initials and a hue from 0 to 359."""

    name: str
    initials: str
    hue: int


def face(name: str, key: object) -> Face:
    """The face of `name`; the hue depends on `key` alone, so that a renamed person keeps the colour."""
    return Face(name=name, initials=initials(name), hue=zlib.crc32(str(key).encode()) % 360)


def initials(name: str) -> str:
    """Up to two letters: of the first and the last word, or the first two of a single word."""
    words = [word for word in (part.strip("\"'()[]<>.,&+-_#@") for part in name.split("@")[0].replace(".", " ").split()) if word]
    if not words:
        return "?"
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()

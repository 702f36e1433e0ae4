"""The written conversations of the demonstration: text files with `=== key | team | priority | tags`, turns by their first sign."""

import dataclasses
import random
import re
from pathlib import Path

_FOLDER = Path(__file__).parent / "scripts"
_SIGNS = {">": "contact", "<": "agent", "!": "note"}
_CHOICE = re.compile(r"\[\[(.+?)\]\]")


@dataclasses.dataclass(frozen=True)
class Turn:
    """One message: `speaker` is contact, agent or note."""

    speaker: str
    text: str


@dataclasses.dataclass(frozen=True)
class Script:
    """A conversation to be played with changing people and things."""

    key: str
    language: str
    team: str
    priority: str
    tags: tuple[str, ...]
    subject: str
    turns: tuple[Turn, ...]


def scripts_of(slug: str) -> list[Script]:
    """All scripts of a tenant, in the order of their files."""
    return [script for path in sorted(_FOLDER.glob(f"{slug}-*.txt")) for script in _parsed(path)]


def varied(text: str, dice: random.Random) -> str:
    """Chooses one of each `[[this|that]]`."""
    return _CHOICE.sub(lambda match: dice.choice(match[1].split("|")), text)


def _parsed(path: Path) -> list[Script]:
    language = path.stem.partition("-")[2]
    blocks = path.read_text(encoding="utf-8").split("=== ")[1:]
    return [_script(block, language) for block in blocks]


def _script(block: str, language: str) -> Script:
    head, subject, *lines = block.rstrip().splitlines()
    key, team, priority, tags = (part.strip() for part in head.split("|"))
    turns: list[tuple[str, list[str]]] = []
    for line in lines:
        if line[:2] in {f"{sign} " for sign in _SIGNS}:
            turns.append((_SIGNS[line[0]], [line[2:]]))
        else:
            turns[-1][1].append(line)
    return Script(
        key=key,
        language=language,
        team=team,
        priority=priority,
        tags=tuple(tag.strip() for tag in tags.split(",")),
        subject=subject.removeprefix("# "),
        turns=tuple(Turn(speaker, "\n".join(text).strip()) for speaker, text in turns),
    )

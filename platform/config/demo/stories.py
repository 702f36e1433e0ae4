"""Plays scripts: chooses people, words, times and endings. The same seed and the same day give the same stories."""

import dataclasses
import datetime
import random
from collections import defaultdict

from config.demo.cast import FIRST_NAMES, LAST_NAMES, MAIL_HOSTS, MONTHS, WEEKDAYS, Agent, Cast
from config.demo.scripts import Script, Turn, scripts_of, varied

DAYS = 150
_ENDINGS = (  # (younger than days, weights of new, open, waiting_customer, waiting_other, solved)
    (1, (45, 40, 15, 0, 0)),
    (7, (6, 30, 22, 8, 34)),
    (21, (0, 8, 12, 6, 74)),
    (DAYS + 1, (0, 0, 2, 1, 97)),
)
_CATEGORIES = ("new", "open", "waiting_customer", "waiting_other", "solved")
_CLOSED_AFTER = datetime.timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class Person:
    """A contact."""

    first: str
    last: str
    email: str
    language: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


@dataclasses.dataclass(frozen=True)
class Line:
    """A played turn."""

    speaker: str
    text: str
    at: datetime.datetime
    agent: Agent | None


@dataclasses.dataclass(frozen=True)
class Story:
    """A conversation with its ticket."""

    person: Person
    subject: str
    team: str
    priority: str
    tags: tuple[str, ...]
    category: str
    assignee: Agent | None
    lines: tuple[Line, ...]
    is_unread: bool
    is_from_form: bool

    @property
    def created_at(self) -> datetime.datetime:
        """When the first message came."""
        return self.lines[0].at

    @property
    def last_at(self) -> datetime.datetime:
        """When anything was last said."""
        return self.lines[-1].at

    @property
    def solved_at(self) -> datetime.datetime | None:
        """When it was solved, if it was."""
        return self.last_at + datetime.timedelta(minutes=4) if self.category in {"solved", "closed"} else None

    @property
    def waiting_since(self) -> datetime.datetime | None:
        """Since when the customer waits for an answer."""
        if self.category not in {"new", "open"}:
            return None
        said = [line for line in self.lines if line.speaker != "note"]
        return said[-1].at if said[-1].speaker == "contact" else None


def stories_of(cast: Cast, *, now: datetime.datetime, count: int) -> list[Story]:
    """The tenant's stories, oldest first."""
    dice = random.Random(f"atende {cast.slug}")
    scripts = scripts_of(cast.slug)
    people = _people(cast, dice)
    decks: dict[str, list[Script]] = defaultdict(list)
    stories = []
    for moment in _moments(now, count, dice):
        if not decks["all"]:
            decks["all"] = dice.sample(scripts, len(scripts))
        script = decks["all"].pop()
        stories.append(_played(script, cast, dice.choice(people[script.language]), moment, now, dice))
    return sorted(stories, key=lambda story: story.created_at)


def _people(cast: Cast, dice: random.Random) -> dict[str, list[Person]]:
    shares = {"en": 0.6, "pt": 0.4}
    people: dict[str, list[Person]] = {}
    for language, share in shares.items():
        pairs = [(first, last) for first in FIRST_NAMES[language] for last in LAST_NAMES[language]]
        people[language] = [
            Person(first, last, f"{_plain(first)}.{_plain(last)}@{dice.choice(MAIL_HOSTS[language])}", language)
            for first, last in dice.sample(pairs, int(cast.contacts * share))
        ]
    return people


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("áâãéêíóôõúç'", "aaaeeiooouc-")).replace("-", "")


def _moments(now: datetime.datetime, count: int, dice: random.Random) -> list[datetime.datetime]:
    """Times of first messages: mostly by day, fewer at weekends, and a busy last week."""
    moments: list[datetime.datetime] = []
    while len(moments) < count:
        age = dice.uniform(0, DAYS) if dice.random() < 0.82 else dice.uniform(0.02, 7)
        moment = now - datetime.timedelta(days=age)
        is_quiet = moment.weekday() >= 5 or not 7 <= moment.hour < 22
        if age < 0.5 or not is_quiet or dice.random() < 0.25:
            moments.append(moment.replace(microsecond=0))
    return sorted(moments)


def _played(script: Script, cast: Cast, person: Person, moment: datetime.datetime, now: datetime.datetime, dice: random.Random) -> Story:
    age = (now - moment).total_seconds() / 86400
    weights = next(weights for days, weights in _ENDINGS if age < days)
    category = dice.choices(_CATEGORIES, weights)[0]
    team = [agent for agent in cast.agents if script.team in agent.teams]
    assignee = None if category == "new" or (category == "open" and dice.random() < 0.2) else dice.choice(team)
    turns = _turns_until(script.turns, category, dice)
    words = _words(script, cast, person, assignee or team[0], moment, dice)
    lines = _lines(turns, words, assignee or team[0], moment, now, dice)
    if category == "solved" and lines[-1].at + _CLOSED_AFTER < now:
        category = "closed"
    return Story(
        person=person,
        subject=varied(script.subject, dice).format_map(words)[:300],
        team=script.team,
        priority=script.priority if dice.random() < 0.8 else dice.choice(("low", "normal", "high")),
        tags=script.tags + ((dice.choice(cast.extra_tags),) if dice.random() < 0.15 else ()),
        category=category,
        assignee=assignee,
        lines=tuple(lines),
        is_unread=category in {"new", "open"} and dice.random() < 0.6,
        is_from_form=dice.random() < 0.15,
    )


def _turns_until(turns: tuple[Turn, ...], category: str, dice: random.Random) -> tuple[Turn, ...]:
    """How much of the script has happened so far."""
    if category == "new":
        return turns[:1]
    wanted = {"open": "contact", "waiting_customer": "agent", "waiting_other": "note"}.get(category)
    ends = [number for number, turn in enumerate(turns, 1) if turn.speaker == wanted]
    if wanted == "note" and not ends:
        ends = [number for number, turn in enumerate(turns, 1) if turn.speaker == "agent"]
    return turns[: dice.choice(ends)] if ends else turns


def _lines(
    turns: tuple[Turn, ...], words: dict[str, str], agent: Agent, moment: datetime.datetime, now: datetime.datetime, dice: random.Random
) -> list[Line]:
    """Gives each turn its time; a story that would reach past now is told faster."""
    offsets = [0.0]
    for turn in turns[1:]:
        hours = {"agent": dice.uniform(0.2, 5), "note": dice.uniform(0.05, 0.6), "contact": dice.uniform(0.3, 22)}[turn.speaker]
        offsets.append(offsets[-1] + hours * 3600)
    room = (now - moment).total_seconds() * 0.9 - 120
    pace = min(1.0, room / offsets[-1]) if offsets[-1] else 1.0
    times = [moment + datetime.timedelta(seconds=int(offset * pace)) for offset in offsets]
    return [
        Line(turn.speaker, varied(turn.text, dice).format_map(words), at, None if turn.speaker == "contact" else agent)
        for turn, at in zip(turns, times, strict=True)
    ]


def _words(script: Script, cast: Cast, person: Person, agent: Agent, moment: datetime.datetime, dice: random.Random) -> dict[str, str]:
    """What stands for the names in braces."""
    language = script.language
    goods = {name: dice.choice(choices) for name, choices in cast.goods.items()}
    if language == "pt" and "part_pt" in goods:
        goods["part"] = goods["part_pt"]
    money = dice.choice((24, 39, 49, 65, 79, 89, 120, 149, 189, 240, 310))
    return {
        **goods,
        "first": person.first,
        "full": person.name,
        "agent": agent.name.split()[0],
        "city": dice.choice(cast.towns[language]),
        "company": dice.choice(cast.companies[language]),
        "weekday": dice.choice(WEEKDAYS[language]),
        "month": MONTHS[language][(moment.month - 2 - dice.randrange(4)) % 12],
        "order": f"{cast.slug[0].upper()}{dice.randrange(10_000, 99_999)}",
        "tracking": f"TR{dice.randrange(10**8, 10**9)}",
        "serial": f"{dice.randrange(10**6, 10**7)}",
        "frame": f"WX{dice.randrange(10**7, 10**8)}",
        "vat": f"{dice.randrange(10, 99)}.{dice.randrange(100, 999)}.{dice.randrange(100, 999)}/0001-{dice.randrange(10, 99)}",
        "errcode": f"{dice.randrange(10, 60)}",
        "code": f"GO{dice.randrange(1000, 9999)}",
        "height": f"{dice.randrange(156, 196)}",
        "amount": f"R$ {money * 5},00" if language == "pt" else f"€{money}.00",
        "voucher": f"€{dice.choice((10, 15, 20))}",
    }

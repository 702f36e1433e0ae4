"""Tags are changed as deltas, so that two agents never undo each other."""

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem

from tenant_apps.tickets.models import Tag, Ticket

MAX_TAGS = 50
_TAG = re.compile(r"[\w][\w .:/-]{0,39}")


def set_tags(ticket: Ticket, *, add: Iterable[str], remove: Iterable[str]) -> tuple[list[str], list[str]]:
    """Adds and removes tags; returns the words really added and removed. Raises ValidationProblem for a word that cannot be a tag."""
    wanted = [normalise_tag(word) for word in add]
    dropped = [word.strip().lower() for word in remove]
    held = set(ticket.tags.values_list("name", flat=True))
    added = [word for word in dict.fromkeys(wanted) if word not in held]
    removed = [word for word in dict.fromkeys(dropped) if word in held and word not in wanted]
    if len(held) + len(added) - len(removed) > MAX_TAGS:
        raise ValidationProblem([FieldError("/tags", "too_many", _("A ticket has at most 50 tags"))])
    Tag.objects.bulk_create([Tag(name=word) for word in added], ignore_conflicts=True)
    ticket.tags.add(*Tag.objects.filter(name__in=added))
    ticket.tags.remove(*Tag.objects.filter(name__in=removed))
    return added, removed


def normalise_tag(word: str) -> str:
    """Lower case, single spaces. Raises ValidationProblem."""
    word = " ".join(word.lower().split())
    if not _TAG.fullmatch(word):
        raise ValidationProblem([FieldError("/tags", "invalid", _("A tag has 1 to 40 letters, digits, spaces and . : / -"))])
    return word

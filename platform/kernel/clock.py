"""The one source of the current time, so that tests can move it."""

import datetime

from django.utils import timezone


def now() -> datetime.datetime:
    """The current instant, aware, in UTC."""
    return timezone.now()  # noqa: TID251 (the one place)

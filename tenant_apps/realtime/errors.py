"""What can go wrong with the event stream."""

from kernel.problems import Problem


class EventsGone(Problem):
    slug, title, status = "events-gone", "Events after this number are not kept any more", 410

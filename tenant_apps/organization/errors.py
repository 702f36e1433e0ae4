"""Refusals of the organization app."""

from kernel.problems import Problem


class TeamInUse(Problem):
    slug, title, status = "team-in-use", "Tickets or inboxes belong to this team: move them first", 409

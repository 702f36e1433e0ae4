"""What can go wrong with tickets."""

from kernel.problems import Problem


class TicketClosed(Problem):
    slug, title, status = "ticket-closed", "A closed ticket cannot be changed", 409


class TicketAlreadySolved(Problem):
    slug, title, status = "ticket-already-solved", "The ticket is solved already", 409


class TicketNotSolved(Problem):
    slug, title, status = "ticket-not-solved", "The ticket is not solved", 409


class TransitionNotAllowed(Problem):
    slug, title, status = "transition-not-allowed", "The ticket cannot move to that status", 409

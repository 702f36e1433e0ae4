"""What can go wrong with inboxes."""

from kernel.problems import Problem


class ConnectorUnavailable(Problem):
    slug, title, status = "connector-unavailable", "This channel type is not available", 409


class AddressTaken(Problem):
    slug, title, status = "address-taken", "This address already leads to an inbox", 409


class NoHook(Problem):
    slug, title, status = "no-hook", "Only a generic API inbox has a hook with a secret", 409

"""What can go wrong with inbound events."""

from kernel.problems import Problem


class InboundNotParked(Problem):
    slug, title, status = "inbound-not-parked", "Only a parked event can be run again", 409


class RawBodyForgotten(Problem):
    slug, title, status = "raw-body-forgotten", "The raw body is no longer kept", 410


class HookRefused(Problem):
    """One answer for unknown routes and wrong signatures, so that neither can be told from the other."""

    slug, title, status = "hook-refused", "The delivery is not signed by a known sender", 401


class InboxGone(LookupError):
    """A channel route names an inbox that does not exist; the sender should try again later."""

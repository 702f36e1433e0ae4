"""Refusals of single sign-on."""

from typing import Final

from kernel.problems import Problem


class ConnectionNotTested(Problem):
    slug, title, status = "sso-not-tested", "Sign in through this connection once as a test before it is switched on", 409


class NoBreakGlass(Problem):
    slug, title, status = "sso-no-break-glass", "No owner could sign in by password: somebody has to, where the provider fails", 409


class DomainNotProven(Problem):
    slug, title, status = "sso-domain-not-proven", "The TXT record was not found at this domain", 409


class DomainTaken(Problem):
    slug, title, status = "sso-domain-taken", "A connection has this domain already", 409


class SignInRefused(Problem):
    """Nobody is signed in. Why, the audit trail says, by the id of the request; to the person every cause looks the same."""

    slug, title, status = "sso-refused", "Signing in did not work", 401

    def __init__(self, cause: str) -> None:
        super().__init__()
        self.cause: Final = cause

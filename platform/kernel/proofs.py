"""Step-up: before some actions a person shows again that it is them. The app that knows log-ins says whether and how."""

from typing import Protocol

from django.http import HttpRequest

from kernel.problems import Problem


class ProofRequired(Problem):
    """`ways` names what would be taken: `password`, `code`, `passkey`; none means that signing in again is the only way."""

    slug, title, status = "proof-required", "Show again that it is you", 403


class Proofs(Protocol):
    """What is asked of the app that knows log-ins, about the person whose session a request carries."""

    def is_fresh(self, request: HttpRequest) -> bool:
        """Whether they signed in, or showed that it is them, a short while ago."""

    def ways(self, request: HttpRequest) -> list[str]:
        """How they can show it."""

    def prove(self, request: HttpRequest, *, password: str, code: str) -> None:
        """Takes one of both. Raises a Problem where it is wrong."""


_proofs: list[Proofs] = []


def install_proofs(proofs: Proofs) -> None:
    """Called by the app that knows log-ins."""
    _proofs[:] = [proofs]


def proofs() -> Proofs:
    """What was installed."""
    return _proofs[0]


def require_proof(request: HttpRequest) -> None:
    """Raises ProofRequired where nothing fresh was shown."""
    if not proofs().is_fresh(request):
        raise ProofRequired(ways=proofs().ways(request))

"""Protocols by which an identity provider is asked; each is one adapter."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from kernel.registry import Registry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What an adapter knows of a connection. The secret is in the clear: it goes nowhere but to the provider."""

    issuer: str
    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    return_address: str


@dataclasses.dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what has to be remembered (sealed) until it comes back."""

    address: str
    remembered: dict[str, str] = dataclasses.field(repr=False)


class ProviderFailed(Exception):
    """The provider did not prove who somebody is; `cause` is a short word for the audit trail, never a text of the provider's."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class SignOnProtocol(Protocol):
    """Both calls talk to the provider, so neither belongs in a transaction; both raise ProviderFailed."""

    label: str

    def depart(self, provider: Provider, state: str) -> Departure:
        """Begins a sign-in."""
        ...

    def arrive(self, provider: Provider, answer: Mapping[str, str], remembered: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
        """The claims that the provider has signed for whoever comes back; `sub` is always among them."""
        ...


PROTOCOLS: Registry[type[SignOnProtocol]] = Registry("sign-on protocol")

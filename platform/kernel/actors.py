"""Who acts, and on which request: kept in ContextVars, written into every event and audit entry."""

import contextlib
import contextvars
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any, Final, Literal

ActorKind = Literal["user", "api_key", "contact", "system", "rule", "operator"]


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Someone or something that causes a change. `id` is the public id of the user, key, contact or rule.

    `on_behalf_of` is whose rights are used: the user of a key, the owner of a rule, the member whom an operator helps.
    """

    kind: ActorKind
    id: uuid.UUID | None
    name: str
    on_behalf_of: "Actor | None" = None

    def as_json(self) -> dict[str, str | None]:
        """The shape stored with events: `{kind, id, name}`."""
        return {"kind": self.kind, "id": str(self.id) if self.id else None, "name": self.name}

    def as_principal(self) -> dict[str, Any]:  # Any: JSON
        """The shape stored with audit entries: that of events, and `on_behalf_of` in the same shape where there is one."""
        behalf = self.on_behalf_of
        return {**self.as_json(), **({"on_behalf_of": behalf.as_json()} if behalf else {})}


@dataclasses.dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where a request came from; empty strings for work that no request started."""

    request_id: str = ""
    ip: str = ""
    user_agent: str = ""


SYSTEM: Final = Actor(kind="system", id=None, name="Atende")
_actor: contextvars.ContextVar[Actor] = contextvars.ContextVar("actor", default=SYSTEM)
_NOWHERE: Final = RequestOrigin()
_origin: contextvars.ContextVar[RequestOrigin] = contextvars.ContextVar("origin", default=_NOWHERE)


def current_actor() -> Actor:
    """The actor of the running work; the system itself where none was named."""
    return _actor.get()


def current_origin() -> RequestOrigin:
    """The request behind the running work."""
    return _origin.get()


@contextlib.contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Everything inside is done in the name of `actor`."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


@contextlib.contextmanager
def coming_from(origin: RequestOrigin) -> Iterator[None]:
    """Everything inside belongs to this request."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)

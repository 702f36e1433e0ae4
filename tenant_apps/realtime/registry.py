"""How events become HTML: the pages app registers a renderer, and the hub calls it once per event, language and open ticket."""

import dataclasses
import uuid
from typing import Protocol

from kernel.events import StoredEvent
from kernel.registry import Registry


@dataclasses.dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of HTML, the selector of its target and how it goes there: an htmx swap style or `row`."""

    target: str
    swap: str
    html: str

    def as_json(self) -> dict[str, str]:
        """The shape on the socket."""
        return {"target": self.target, "swap": self.swap, "html": self.html}


class Renderer(Protocol):
    """Renders one event. It may depend on nothing but its arguments, since sockets that agree in them share the result."""

    def __call__(self, event: StoredEvent, *, viewer_language: str, open_ticket: uuid.UUID | None) -> list[Fragment]: ...


fragments: Registry[Renderer] = Registry("fragment renderer")

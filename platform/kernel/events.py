"""The form of events: frozen facts that a service records and the unit of work commits."""

import dataclasses
import datetime
import uuid
from typing import Any, ClassVar

from kernel.registry import Registry


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A fact about one aggregate. Subclasses set `type` and `aggregate_type`; their fields are the data.

    Data holds ids and changed values, never bodies, addresses or secrets.
    """

    type: ClassVar[str]
    aggregate_type: ClassVar[str]
    version: ClassVar[int] = 1

    aggregate_id: uuid.UUID

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        EVENT_TYPES.register(cls.type)(cls)

    def data(self) -> dict[str, Any]:  # Any: JSON
        """The fields but the aggregate id, ready for JSON."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "aggregate_id"}


EVENT_TYPES: Registry[type[Event]] = Registry("event type")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as read back from the log."""

    seq: int
    id: uuid.UUID
    type: str
    version: int
    aggregate_type: str
    aggregate_id: uuid.UUID
    actor: dict[str, Any]  # Any: JSON
    cause: dict[str, Any]  # Any: JSON
    occurred_at: datetime.datetime
    request_id: str
    data: dict[str, Any]  # Any: JSON

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """The public shape, the same on the socket, in the API and in webhooks."""
        return {
            "v": 1,
            "seq": self.seq,
            "id": str(self.id),
            "type": self.type,
            "version": self.version,
            "aggregate": {"type": self.aggregate_type, "id": str(self.aggregate_id)},
            "actor": self.actor,
            "at": self.occurred_at.isoformat().replace("+00:00", "Z"),
            "data": self.data,
        }


def _plain(value: Any) -> Any:  # Any: JSON
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value

"""Noting that tickets are taken out."""

from typing import Any

from kernel import tenancy
from kernel.uow import record_audit, unit_of_work


@unit_of_work
def note_export(*, form: str, wanted: dict[str, Any]) -> None:  # Any: filter values
    """Writes that somebody takes tickets out, and which."""
    changes = {"format": [None, form], **{name: [None, value] for name, value in wanted.items()}}
    record_audit(action="ticket.export", object_type="ticket_list", object_id=tenancy.current_tenant().id, changes=changes)

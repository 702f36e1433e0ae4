"""Entries for tests."""

from kernel.actors import Actor, acting_as
from kernel.ids import new_id
from kernel.uow import record_audit, unit_of_work


def entry(*, action="thing.change", object_type="thing", object_id=None, outcome="done", actor=None, **changes):
    """Writes one entry in a unit of its own; the actor is taken when the unit ends."""
    with acting_as(actor or Actor("user", new_id(), "Somebody")), unit_of_work():
        record_audit(action=action, object_type=object_type, object_id=object_id or new_id(), changes=changes, outcome=outcome)

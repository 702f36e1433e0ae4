"""What can be done with inbound events."""

from tenant_apps.intake.services.accepting import accept_inbound
from tenant_apps.intake.services.processing import note_failure, process_inbound
from tenant_apps.intake.services.upkeep import forget_raw_bodies, reprocess, sweep

__all__ = ["accept_inbound", "forget_raw_bodies", "note_failure", "process_inbound", "reprocess", "sweep"]

"""What can be done with inboxes, and the way through their connectors."""

from tenant_apps.connectors.services.adopting import adopt_inboxes
from tenant_apps.connectors.services.channels import external_id_for, hand_over, read_inbound, recipient_of
from tenant_apps.connectors.services.inboxes import create_inbox, ensure_first_inbox, note_inbox_error, replace_secret

__all__ = [
    "adopt_inboxes",
    "create_inbox",
    "ensure_first_inbox",
    "external_id_for",
    "hand_over",
    "note_inbox_error",
    "read_inbound",
    "recipient_of",
    "replace_secret",
]

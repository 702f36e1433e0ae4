"""What can be done with conversations and messages."""

from tenant_apps.messaging.services.attachments import SHOWN_INLINE, sign_attachment, verify_attachment_link
from tenant_apps.messaging.services.deliveries import (
    hold_copied_deliveries,
    is_handing_over,
    mark_delivery_failed,
    mark_delivery_sent,
    retry_delivery,
    sweep,
)
from tenant_apps.messaging.services.reading import mark_read, mark_unread
from tenant_apps.messaging.services.receiving import note_message_ids, receive_message, start_conversation
from tenant_apps.messaging.services.writing import add_note, send_reply

__all__ = [
    "SHOWN_INLINE",
    "add_note",
    "hold_copied_deliveries",
    "is_handing_over",
    "mark_delivery_failed",
    "mark_delivery_sent",
    "mark_read",
    "mark_unread",
    "note_message_ids",
    "receive_message",
    "retry_delivery",
    "send_reply",
    "sign_attachment",
    "start_conversation",
    "sweep",
    "verify_attachment_link",
]

"""Files of messages: stored under random keys, named by links that expire."""

import hashlib
import hmac
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence

import puremagic
from django.utils.translation import gettext as _
from kernel import crypto, storage

from tenant_apps.connectors.mail.filename import sanitise
from tenant_apps.messaging.errors import AttachmentRefused
from tenant_apps.messaging.incoming import FileContent
from tenant_apps.messaging.models import Attachment, Message

LINK_SECONDS = 600
MAX_FILES = 20
MAX_BYTES = 25 * 1024 * 1024
SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_UNKNOWN = "application/octet-stream"


def store_attachments(message: Message, files: Sequence[FileContent]) -> list[Attachment]:
    """Stores the files of a message. The bytes are written before the commit; a rollback leaves unreachable bytes only."""
    rows = [
        Attachment(
            message=message,
            filename=sanitise(file.filename),
            content_type=sniffed_type(file.content, file.content_type),
            size=len(file.content),
            sha256=storage.sha256(file.content),
            storage_key=storage.put(file.content),
            content_id=file.content_id[:255],
            is_inline=file.is_inline,
        )
        for file in files
    ]
    return Attachment.objects.bulk_create(rows)


def check_files(files: Sequence[FileContent]) -> None:
    """Raises AttachmentRefused for too many or too large files of an agent's message."""
    if len(files) > MAX_FILES:
        raise AttachmentRefused(_("At most %(count)s files for one message") % {"count": MAX_FILES})
    if sum(len(file.content) for file in files) > MAX_BYTES:
        raise AttachmentRefused(_("At most 25 MB of files for one message"))
    if any(not file.content for file in files):
        raise AttachmentRefused(_("A file is empty"))


def sniffed_type(content: bytes, declared: str) -> str:
    """The declared type, unless it claims an image that the bytes are not."""
    declared = declared.lower().split(";")[0].strip()[:120] or _UNKNOWN
    if declared not in SHOWN_INLINE:
        return declared
    try:
        found = puremagic.from_string(content[:4096], mime=True)
    except (puremagic.PureError, ValueError):
        return _UNKNOWN
    return declared if found == declared else _UNKNOWN


def sign_attachment(attachment_id: uuid.UUID, *, seconds: int = LINK_SECONDS) -> str:
    """The signed path of a file, `/files/<id>/<expiry>/<mac>/`, valid for ten minutes on this tenant's host only."""
    # Rounded up to a minute, so that the same page rendered twice names the same URL and the browser's cache helps.
    expires = (int(time.time()) + seconds) // 60 * 60 + 60
    return f"/files/{attachment_id}/{expires}/{_mac(attachment_id, expires)}/"


def verify_attachment_link(attachment_id: uuid.UUID, expires: int, mac: str) -> bool:
    """Whether a link was made by us for this tenant and has not expired."""
    return expires >= time.time() and crypto.same(mac.encode(), _mac(attachment_id, expires).encode())


def _mac(attachment_id: uuid.UUID, expires: int) -> str:
    mac = hmac.new(crypto.derive_key("files"), f"{attachment_id}|{expires}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(mac[:18]).decode()

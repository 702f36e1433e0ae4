"""Images that HTML carries inside itself (`data:` URLs) become inline files, since no page of ours shows `data:` URLs."""

import hashlib
import re
from typing import Final

from tenant_apps.connectors.mail.headers import decode_base64
from tenant_apps.connectors.mail.parse import MailAttachment

MAX_IMAGES: Final = 50
_IMAGE: Final = re.compile(r"(\bsrc\s*=\s*)([\"'])\s*data:image/(png|jpe?g|gif|webp);base64,([^\"'<>]*)\2", re.IGNORECASE)


def extract(html: str) -> tuple[str, list[MailAttachment]]:
    """The HTML with `cid:` in place of such images, and the images; the same picture twice is one file."""
    if "data:image/" not in html.lower():
        return html, []
    files: dict[str, MailAttachment] = {}

    def replace(match: re.Match[str]) -> str:
        content = decode_base64(match[4])
        name = hashlib.sha256(content).hexdigest()[:24]
        if not content or (len(files) >= MAX_IMAGES and name not in files):
            return f"{match[1]}{match[2]}{match[2]}"
        ending = match[3].lower().replace("jpg", "jpeg")
        files[name] = MailAttachment(f"image-{name[:6]}.{ending}", f"image/{ending}", content, f"{name}@data", is_inline=True)
        return f"{match[1]}{match[2]}cid:{name}@data{match[2]}"

    return _IMAGE.sub(replace, html), list(files.values())

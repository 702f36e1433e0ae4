"""Tags and filters of the design system: script texts, faces, ages and sizes."""

import datetime

from django import template
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import pgettext
from kernel.clock import now

from ui.faces import Face, face
from ui.strings import BUNDLES

register = template.Library()


@register.simple_tag
def script_strings(bundle: str) -> SafeString:
    """The JSON block with the texts of a script bundle."""
    return json_script(BUNDLES[bundle](), "strings")


@register.filter
def face_of(name: str, key: object = None) -> Face:
    """The face of a name; without a key the name itself decides the colour."""
    return face(str(name), key if key is not None else name)


@register.filter
def ago(at: datetime.datetime | None) -> str:
    """A short age: now, 2m, 5h, 3d, and the date beyond a week. Scripts keep it up to date in the same words."""
    if at is None:
        return ""
    seconds = max(0, int((now() - at).total_seconds()))
    if seconds < 60:
        return pgettext("time ago", "now")
    if seconds < 3600:
        return pgettext("time ago", "{n}m").format(n=seconds // 60)
    if seconds < 86400:
        return pgettext("time ago", "{n}h").format(n=seconds // 3600)
    if seconds < 7 * 86400:
        return pgettext("time ago", "{n}d").format(n=seconds // 86400)
    return str(format_date(timezone.localtime(at), "j M"))


@register.filter
def iso(at: datetime.datetime | None) -> str:
    """The machine-readable time in UTC."""
    return "" if at is None else at.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@register.filter
def size(count: int) -> str:
    """A file's size for people."""
    if count < 1024:
        return f"{count} B"
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KB"
    return f"{count / 1024 / 1024:.1f} MB"


@register.filter
def iso_exact(at: datetime.datetime) -> str:
    """The time in UTC with microseconds: sorts as text."""
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""Which slugs may become host names."""

import re
import unicodedata

from django.utils.translation import gettext as _

RESERVED = frozenset(
    [
        "admin",
        "api",
        "app",
        "assets",
        "atende",
        "auth",
        "billing",
        "blog",
        "cdn",
        "console",
        "dev",
        "docs",
        "ftp",
        "help",
        "imap",
        "internal",
        "live",
        "localhost",
        "login",
        "mail",
        "media",
        "metrics",
        "mx",
        "ns",
        "ns1",
        "ns2",
        "operator",
        "pages",
        "pop",
        "pop3",
        "postmaster",
        "public",
        "root",
        "security",
        "signup",
        "smtp",
        "static",
        "status",
        "support",
        "system",
        "test",
        "webmail",
        "ws",
        "www",
    ]
)
_LOOK_ALIKES = (("-", ""), ("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("3", "e"))
_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def skeleton(slug: str) -> str:
    """What a slug looks like: two slugs with one skeleton can be taken for each other in an address bar."""
    for seen, meant in _LOOK_ALIKES:
        slug = slug.replace(seen, meant)
    return slug


def slug_errors(slug: str) -> list[tuple[str, str]]:
    """The faults of a slug as (code, sentence); empty for a good one.

    Only lower-case ASCII letters, digits and inner hyphens: so no look-alike of another alphabet can pass (`confusable`),
    and `xn--` names are refused as well.
    """
    folded = unicodedata.normalize("NFKC", slug)
    if not slug.isascii() or folded != slug:
        return [("confusable", _("Use plain letters a to z only: other alphabets can imitate another organization's address"))]
    if not _SHAPE.fullmatch(slug) or len(slug) < 2:
        return [("malformed", _("Use 2 to 32 lower-case letters, digits and inner hyphens"))]
    if "--" in slug:
        return [("malformed", _("Two hyphens in a row are not allowed"))]
    if slug in RESERVED or skeleton(slug) in _RESERVED_SKELETONS:
        return [("reserved", _("This address is reserved"))]
    return []


_RESERVED_SKELETONS = frozenset(skeleton(word) for word in RESERVED)

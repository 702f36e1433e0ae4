"""Single parts of a mail: bytes, names, parameters and raw fields, each without ever failing on a broken one."""

import binascii
from collections.abc import Iterator
from email.generator import BytesGenerator
from email.message import Message
from email.policy import compat32
from io import BytesIO
from typing import Final

from tenant_apps.connectors.mail import headers

_MALFORMED: Final = (ValueError, TypeError, LookupError, AttributeError, AssertionError)  # what the stdlib raises on broken parameters


def children(part: Message) -> list[Message]:
    """The parts of a multipart or of an enclosed mail."""
    return [child for child in part.get_payload() if isinstance(child, Message)] if part.is_multipart() else []


def descendants(part: Message) -> Iterator[Message]:
    """The parts of a report, without entering what it encloses or offers as alternatives."""
    for child in children(part):
        yield child
        if child.get_content_type() in {"multipart/mixed", "multipart/report", "multipart/related", "multipart/signed"}:
            yield from descendants(child)


def content_of(part: Message) -> bytes:
    """The decoded bytes of a leaf, as far as they can be decoded."""
    if part.is_multipart():  # a leaf's label on something that has parts
        return b"\n".join(enclosed_mail(child) for child in children(part))
    try:
        content = part.get_payload(decode=True)
    except (*_MALFORMED, binascii.Error):
        return b""
    return content if isinstance(content, bytes) else b""


def enclosed_mail(part: Message) -> bytes:
    """The bytes of a mail inside the mail."""
    enclosed = children(part)
    if not enclosed:
        return b"" if part.is_multipart() else content_of(part)
    buffer = BytesIO()
    try:
        BytesGenerator(buffer, mangle_from_=False, maxheaderlen=0, policy=compat32).flatten(enclosed[0])
    except (*_MALFORMED, UnicodeError, RecursionError):
        return buffer.getvalue()
    return buffer.getvalue()


def filename_of(part: Message) -> str:
    """The name as the sender gave it, decoded and not yet sanitised."""
    try:
        name = part.get_filename()
    except _MALFORMED:
        return "attachment"
    return headers.decode_words(str(name)) if name else ""


def charset_of(part: Message) -> str | None:
    """The label of the text's charset."""
    try:
        label = part.get_content_charset()
    except _MALFORMED:
        return None
    return str(label) if label else None


def parameter(part: Message, name: str) -> str:
    """A parameter of Content-Type; empty where it is missing or broken."""
    try:
        value = part.get_param(name)
    except _MALFORMED:
        return ""
    return headers.clean(value) if isinstance(value, str) else ""


def fields_of(part: Message) -> dict[str, list[str]]:
    """Raw values by lower-case name, in order. `raw_items` avoids the header objects that may refuse odd values."""
    fields: dict[str, list[str]] = {}
    for name, value in part.raw_items():
        fields.setdefault(name.lower(), []).append(str(value))
    return fields


def first(fields: dict[str, list[str]], name: str) -> str:
    """The first raw value of a field; empty where there is none."""
    return fields[name][0] if fields.get(name) else ""

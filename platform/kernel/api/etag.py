"""Optimistic locking: `ETag: "7"` on reads, `If-Match: "7"` on writes."""

import re

from rest_framework.request import Request

from kernel.problems import MalformedRequest

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def expected_version(request: Request) -> int | None:
    """The version of the If-Match header; None without the header or for `*`. Raises MalformedRequest for anything else."""
    header = request.headers.get("If-Match", "").strip()
    if header in {"", "*"}:
        return None
    match = _ETAG.fullmatch(header)
    if match is None:
        raise MalformedRequest('If-Match takes one entity tag, for example "7"')
    return int(match[1])

"""JSON by orjson, in and out."""

from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from kernel.problems import TooLarge

MAX_BODY_BYTES = 1024 * 1024
MAX_FILES_BYTES = 40 * 1024 * 1024


class JSONRenderer(BaseRenderer):
    """Writes UTF-8 JSON; UUIDs and aware datetimes are written natively."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:  # Any: JSON
        if data is None:
            return b""
        return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


class JSONParser(BaseParser):
    """Reads UTF-8 JSON. Refuses NaN, invalid UTF-8, NUL characters and over-large bodies."""

    media_type = "application/json"
    max_bytes = MAX_BODY_BYTES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:  # Any: JSON
        body = stream.read(self.max_bytes + 1)
        if len(body) > self.max_bytes:
            raise TooLarge(f"At most {self.max_bytes // 1024 // 1024} MB")
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        if b"\\u0000" in body:
            raise ParseError("The body holds a NUL character")
        return parsed


class FilesJSONParser(JSONParser):
    """For the few routes whose bodies carry files in base64."""

    max_bytes = MAX_FILES_BYTES


class CsvRenderer(JSONRenderer):
    """For `Accept: text/csv` where a view streams a file; problems are JSON all the same."""

    media_type = "text/csv"
    format = "csv"


class LinesRenderer(JSONRenderer):
    """For `Accept: application/x-ndjson` where a view streams a file; problems are JSON all the same."""

    media_type = "application/x-ndjson"
    format = "jsonl"

"""The `Idempotency-Key` header of POST requests."""

import hashlib
import re
from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from kernel.api.views import ApiView
from kernel.problems import MalformedRequest
from rest_framework.request import Request
from rest_framework.response import Response

from shared_apps.events.services.idempotency import StoredAnswer, once

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class IdempotentPostView(ApiView):
    """Subclasses write `create(request, **path) -> Response` instead of `post`.

    With the header the effect and its answer are stored in one transaction; the same key gives the same answer for 24 hours.
    """

    takes_idempotency_key: ClassVar[bool] = True

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        """Carries the request out."""
        raise NotImplementedError  # abstract: ABC would fight DRF's metaclass-free views

    def post(self, request: Request, **path: Any) -> Response | HttpResponse:  # Any: path values
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return self.create(request, **path)
        if not _KEY.fullmatch(key):
            raise MalformedRequest("Idempotency-Key takes 1 to 200 printable characters without spaces")
        fingerprint = hashlib.sha256(orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)).hexdigest()
        answer = once(
            principal=str(self.user.public_id),
            route=f"POST {request.path}"[:200],
            key=key,
            request_sha256=fingerprint,
            act=lambda: self._stored(self.create(request, **path)),
        )
        return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers)

    def _stored(self, response: Response) -> StoredAnswer:
        kept = {name: response[name] for name in ("ETag", "Location") if name in response}
        return StoredAnswer(
            response.status_code, orjson.dumps(response.data, default=str, option=orjson.OPT_UTC_Z), "application/json", kept
        )

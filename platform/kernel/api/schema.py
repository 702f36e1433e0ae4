"""OpenAPI: adds to every operation the headers it takes and the problems it can answer with."""

from typing import Any, Literal

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiParameter

from kernel.api.serializers import ProblemSerializer
from kernel.problems import CONTENT_TYPE

_READ = {"400": "Unreadable", "401": "Not authenticated", "403": "Not allowed", "404": "Not there or not visible"}
_READ |= {"406": "Not acceptable", "422": "Invalid parameters", "429": "Too many requests", "503": "Not available"}
_WRITE = {"409": "State conflict", "412": "Stale version", "413": "Too large", "415": "Unsupported format"}
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Same key, same answer, one effect; kept for 24 hours"
)
_IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description='The version you read, for example "7"')


class AutoSchema(SpectacularAutoSchema):
    """The project's default schema class."""

    def get_override_parameters(self) -> list[Any]:  # Any: spectacular's parameter kinds
        parameters = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "takes_idempotency_key", False):
            parameters.append(_IDEMPOTENCY_KEY)
        if self.method in {"PATCH", "PUT", "DELETE"} and getattr(self.view, "takes_if_match", False):
            parameters.append(_IF_MATCH)
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:  # Any: OpenAPI
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        component = self.resolve_serializer(ProblemSerializer, "response")
        content = {CONTENT_TYPE: {"schema": component.ref}}
        problems = _READ | (_WRITE if self.method != "GET" else {})
        if not self.get_auth():
            kept = {"401"} if getattr(self.view, "is_sign_in", False) else set()
            problems = {code: text for code, text in problems.items() if code not in {"401", "403"} - kept}
        for code, text in problems.items():
            bodies.setdefault(code, {"content": content, "description": text})
        return bodies

    def get_operation_id(self) -> str:
        return str(getattr(self.view, "operation_ids", {}).get(self.method) or super().get_operation_id())

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", None) or super().get_tags()[0]]


def add_servers(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # Any: OpenAPI
    """Names the host each half of the API answers on, and sorts the document so that it never differs by accident."""
    port = f":{settings.ATENDE_PUBLIC_PORT}" if settings.ATENDE_PUBLIC_PORT else ""
    if request is None:
        base, port, scheme = "localhost", ":8000", "http"
    else:
        base, scheme = settings.ATENDE_BASE_HOST, settings.ATENDE_PUBLIC_SCHEME
    tenant = {"url": f"{scheme}://{{tenant}}.{base}{port}", "description": "A tenant", "variables": {"tenant": {"default": "acme"}}}
    platform = {"url": f"{scheme}://{base}{port}", "description": "The platform, for operators"}
    result["servers"] = [tenant]
    for path, item in result["paths"].items():
        if path.startswith("/api/platform/"):
            for operation in item.values():
                operation["servers"] = [platform]
    return result


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How an API key is sent."""

    target_class = "shared_apps.accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # Any: spectacular
        return {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer KEY`"}


class SessionScheme(OpenApiAuthenticationExtension):
    """The session of the pages."""

    target_class = "shared_apps.accounts.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # Any: spectacular
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The pages' session; writes need CSRF",
        }

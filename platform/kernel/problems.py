"""Expected failures as RFC 9457 problems: raised by services, rendered here, the same for API, pages, mail and sockets."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
from django.http import HttpRequest, HttpResponse

from kernel.actors import current_origin
from kernel.registry import Registry

CONTENT_TYPE = "application/problem+json"
PROBLEMS: Registry[type["Problem"]] = Registry("problem")


class Problem(Exception):
    """An expected failure. Subclasses set slug, title and status; keyword arguments become extra members."""

    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""
    status: ClassVar[int] = 400

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.slug:
            PROBLEMS.register(cls.slug)(cls)

    def __init__(self, detail: str = "", *, headers: dict[str, str] | None = None, **members: Any) -> None:  # Any: JSON
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.members = members

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """The body: type, title, status, detail, instance and the extra members."""
        return {
            "type": f"/problems/{self.slug}",
            "title": str(self.title),
            "status": self.status,
            "detail": str(self.detail),
            "instance": f"urn:request:{current_origin().request_id}",
            **self.members,
        }


class MalformedRequest(Problem):
    slug, title, status = "malformed-request", "The request cannot be read", 400


class NotAuthenticated(Problem):
    slug, title, status = "not-authenticated", "Sign in or send an API key", 401


class NotAllowed(Problem):
    slug, title, status = "not-allowed", "You may not do this", 403


class NotFound(Problem):
    slug, title, status = "not-found", "There is nothing here", 404


class MethodNotAllowed(Problem):
    slug, title, status = "method-not-allowed", "This method is not supported here", 405


class NotAcceptable(Problem):
    slug, title, status = "not-acceptable", "The answer is not available in that format", 406


class StaleVersion(Problem):
    slug, title, status = "stale-version", "The object has changed since you read it", 412


class TooLarge(Problem):
    slug, title, status = "too-large", "The request is too large", 413


class UnsupportedMediaType(Problem):
    slug, title, status = "unsupported-media-type", "The body's format is not supported", 415


class TooManyRequests(Problem):
    slug, title, status = "too-many-requests", "Too many requests", 429


class InternalError(Problem):
    slug, title, status = "internal-error", "Something went wrong on our side", 500


class Unavailable(Problem):
    slug, title, status = "unavailable", "The service is not available right now", 503


class TenantOutdated(Problem):
    slug, title, status = "tenant-outdated", "This organization is being upgraded, please try again in a moment", 503


class ReadOnly(Problem):
    slug, title, status = "read-only", "The organization is being moved: reading works, writing will in a moment", 503

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "15"})


@dataclasses.dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: a JSON pointer, a stable code, a sentence."""

    pointer: str
    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """The shape inside `errors`."""
        return {"pointer": self.pointer, "code": self.code, "detail": str(self.detail)}


class ValidationProblem(Problem):
    """422 with one entry for each invalid field."""

    slug, title, status = "validation-failed", "Some fields are not valid", 422

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(str(error.detail) for error in errors), errors=[error.as_json() for error in errors])
        self.errors = errors


def response(problem: Problem) -> HttpResponse:
    """The problem as a plain Django answer."""
    answer = HttpResponse(orjson.dumps(problem.as_json()), status=problem.status, content_type=CONTENT_TYPE)
    for name, value in problem.headers.items():
        answer[name] = value
    return answer


def install_page(render: Callable[[HttpRequest, Problem], HttpResponse]) -> None:
    """Called by the design system: how a problem looks to a person."""
    _page[:] = [render]


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem as a page for people and as JSON for programs."""
    return response(problem) if wants_problem(request) or not _page else _page[0](request, problem)


_page: list[Callable[[HttpRequest, Problem], HttpResponse]] = []


def wants_problem(request: HttpRequest) -> bool:
    """Whether the answer to this request is read by a program rather than a person."""
    return request.path.startswith(("/api/", "/hooks/", "/ws/")) or "text/html" not in request.headers.get("Accept", "text/html")
